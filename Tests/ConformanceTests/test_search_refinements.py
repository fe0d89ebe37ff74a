"""RFC 3876 (matched values), draft-masarati-ldap-deref, OpenLDAP's no-op search, RFC 6171 (don't use copy), ranges of values, options."""
import pytest
from ldap.controls import SimplePagedResultsControl
from ldap.controls.openldap import SearchNoOpControl

import wire
from client import COMPARE_TRUE, PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION, control
from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

MATCHED_VALUES, DEREFERENCE, DONT_USE_COPY = "1.2.826.0.1.3344810.2.3", "1.3.6.1.4.1.4203.666.5.16", "1.3.6.1.1.22"


@pytest.fixture(scope="module")
def tree(server, root):
    top = "ou=refined,dc=acme,dc=example"
    people = {
        "one": {"cn": ["one", "alpha"], "sn": "First", "description": ["x1", "x2", "y1"]},
        "two": {"cn": "two", "sn": "Second", "seeAlso": [f"cn=one,{top}", f"cn=missing,{top}"], "description;lang-de": "x eins"},
    }
    assert root.add(top, {"objectClass": "organizationalUnit", "ou": "refined"}).code == SUCCESS
    for name, entry in people.items():
        result = root.add(f"cn={name},{top}", {"objectClass": "person", **entry})
        assert result.code == SUCCESS, result
    yield top
    root.remove_tree(top)


# --- matched values -------------------------------------------------------------------------------------------------------------

def equal(attribute, value):
    return wire.equality(attribute, value)


def matched(*items, critical=True):
    return control(MATCHED_VALUES, critical, wire.sequence(*items))


ALL = {"objectClass", "cn", "sn", "description"}


@pytest.mark.parametrize("items,expected", [
    ([equal("description", "X1")], {"description": ["x1"]}),
    ([equal("description", "x1"), equal("sn", "FIRST")], {"description": ["x1"], "sn": ["First"]}),
    ([wire.text("cn", 0x87)], {"cn": ["alpha", "one"]}),
    ([wire.tlv(0xa4, wire.text("description"), wire.sequence(wire.text("x", 0x80)))], {"description": ["x1", "x2"]}),
    ([wire.tlv(0xa4, wire.text("description"), wire.sequence(wire.text("1", 0x82)))], {"description": ["x1", "y1"]}),
    ([equal("noSuchAttribute", "x")], {}), ([equal("name", "alpha")], {"cn": ["alpha"]}), ([equal("2.5.4.3", "alpha")], {"cn": ["alpha"]}),
    ([wire.tlv(0xa5, wire.text("description"), wire.text("x2"))], {}),
    ([wire.tlv(0xa9, wire.text("caseExactMatch", 0x81), wire.text("one", 0x83))], {"cn": ["one"]}),
    ([wire.tlv(0xa9, wire.text("cn", 0x82), wire.text("ONE", 0x83))], {"cn": ["one"]}),
    ([equal("objectClass", "top")], {"objectClass": ["person"]}), ([], None)])
def test_matched_values(root, tree, items, expected):
    got = root.read("cn=one," + tree, controls=[matched(*items)]).only
    if expected is None:
        assert set(got) == ALL
    else:
        assert {name: sorted(v.decode() for v in values) for name, values in got.items()} == expected


def test_matched_values_choose_no_entries(root, tree):
    result = root.search(tree, "one", "(sn=second)", ["cn", "description"], controls=[matched(equal("cn", "one"))])
    assert [(n, a) for n, a in result.entries] == [("cn=two," + tree, {})]


def test_matched_values_and_options(root, tree):
    """An item is about descriptions with more options, too."""
    got = root.read("cn=two," + tree, ["description"], controls=[matched(equal("description", "x eins"))]).only
    assert got == {"description;lang-de": [b"x eins"]}


def test_matched_values_and_types_only(root, tree):
    got = root.search("cn=one," + tree, "base", attributes=["*"], types_only=True, controls=[matched(equal("cn", "one"))]).only
    assert set(got) == ALL


@pytest.mark.parametrize("value", [None, b"", b"x"])
def test_malformed_matched_values(root, tree, value):
    assert root.read(tree, controls=[control(MATCHED_VALUES, True, value)]).code == PROTOCOL_ERROR


@pytest.mark.muster
def test_matched_values_of_a_dynamic_list(root, tree):
    dn = "cn=list," + tree
    assert root.add(dn, {"objectClass": "groupOfURLs", "cn": "list", "memberURL": f"ldap:///{tree}??one?(objectClass=person)"}).code == SUCCESS
    try:
        got = root.read(dn, ["member"], controls=[matched(equal("member", "CN=One," + tree))]).only
        assert got == {"member": [b"cn=one," + tree.encode()]}
    finally:
        root.delete(dn)


# --- dereference ------------------------------------------------------------------------------------------------------------------

def dereference(*specifications, critical=True):
    return wire.control(DEREFERENCE, critical, wire.sequence(*[
        wire.sequence(wire.text(attribute), wire.sequence(*map(wire.text, wanted))) for attribute, wanted in specifications]))


def ask(server, base, given, attributes=("1.1",)):
    """[(DN, [(attribute, name, {type: values})])] and the result code."""
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        connection.send(wire.message(7, wire.search(base, 2, attributes=attributes), given))
        out = []
        while True:
            message = connection.receive()
            if message.tag != 0x64:
                return sorted(out), message.code
            found = []
            for parts in message.controls:
                assert parts[0][1].decode() == DEREFERENCE
                for _, body in wire.elements(wire.elements(parts[-1][1])[0][1]):
                    fields = wire.elements(body)
                    assert len(fields) < 3 or fields[2][0] == 0xa0
                    attributes_of = {}
                    for _, attribute in wire.elements(fields[2][1]) if len(fields) > 2 else []:
                        (_, name), (_, values) = wire.elements(attribute)
                        attributes_of[name.decode()] = sorted(v.decode() for _, v in wire.elements(values))
                    found.append((fields[0][1].decode(), fields[1][1].decode(), attributes_of))
            out.append((wire.elements(message.contents)[0][1].decode(), found))


def test_dereference(server, tree):
    entries, code = ask(server, tree, dereference(("seeAlso", ["cn", "sn"])))
    assert code == SUCCESS
    found = dict(entries)
    assert found[tree] == found["cn=one," + tree] == []
    assert sorted(found["cn=two," + tree]) == [
        ("seeAlso", f"cn=missing,{tree}", {}), ("seeAlso", f"cn=one,{tree}", {"cn": ["alpha", "one"], "sn": ["First"]})]


@pytest.mark.parametrize("specifications", [
    [("seeAlso", [])], [("cn", ["cn"])], [("noSuchAttribute", ["cn"])], [("seeAlso", ["noSuchAttribute"])], [("seeAlso", ["cn"]), ("seeAlso", ["sn"])]])
def test_what_cannot_be_dereferenced(server, tree, specifications):
    assert ask(server, tree, dereference(*specifications)) == ([], PROTOCOL_ERROR)


@pytest.mark.muster
@pytest.mark.parametrize("value", [None, b"", b"x", b"\x30\x00"])
def test_malformed_dereference(server, tree, value):
    assert ask(server, tree, wire.control(DEREFERENCE, True, value)) == ([], PROTOCOL_ERROR)


@pytest.mark.muster
def test_dereference_gives_nothing_that_may_not_be_read(server, connect, root, tree):
    with wire.Wire(server.address) as connection:
        connection.bind("uid=ada," + PEOPLE, "lovelace")
        assert root.modify("cn=one," + tree, ("replace", "userPassword", "a secret password")).code == SUCCESS
        connection.send(wire.message(7, wire.search("cn=two," + tree, 0), dereference(("seeAlso", ["userPassword", "sn"]))))
        message = connection.receive()
        assert b"First" in bytes(str(message.controls), "latin1") and b"secret" not in bytes(str(message.controls), "latin1")


# --- counting ---------------------------------------------------------------------------------------------------------------------

@pytest.mark.muster
@pytest.mark.parametrize("filter", ["(objectClass=*)", "(objectClass=inetOrgPerson)", "(mail=*)", "(sn=*a*)", "(&(objectClass=zimbraAccount)(!(sn=*e*)))", "(sn=no one)"])
@pytest.mark.parametrize("scope", ["base", "one", "sub", "children"])
@pytest.mark.parametrize("who", ["root", "user"])
def test_no_op_search_counts(request, filter, scope, who):
    """As Carbonio counts accounts."""
    client = request.getfixturevalue(who)
    for base in ("", PEOPLE):
        if base == "" and scope == "base":
            continue
        expected = len(client.search(base, scope, filter, ["1.1"]).entries)
        result = client.search(base, scope, filter, ["cn"], controls=[SearchNoOpControl(True)])
        answer = result.control(SearchNoOpControl.controlType)
        assert (result.code, result.entries) == (SUCCESS, [])
        assert (answer.resultCode, answer.numSearchResults, answer.numSearchContinuations) == (SUCCESS, expected, 0)


@pytest.mark.muster
def test_no_op_search_and_limits(root):
    """The limit does not end the counting; the control tells that it would have ended the search."""
    total = len(root.search("", attributes=["1.1"]).entries)
    result = root.search("", size_limit=5, controls=[SearchNoOpControl(True)])
    answer = result.control(SearchNoOpControl.controlType)
    assert (result.code, answer.resultCode, answer.numSearchResults) == (SUCCESS, SIZE_LIMIT_EXCEEDED, total)
    result = root.search("", controls=[SearchNoOpControl(True), SimplePagedResultsControl(False, 3, "")])
    assert result.control(SearchNoOpControl.controlType).numSearchResults == total


@pytest.mark.muster
def test_malformed_no_op_search(root):
    assert root.search("", controls=[control(SearchNoOpControl.controlType, True, b"x")]).code == PROTOCOL_ERROR


# --- don't use copy -----------------------------------------------------------------------------------------------------------------

def test_dont_use_copy(root, tree):
    assert root.read(tree, controls=[control(DONT_USE_COPY, True)]).code == SUCCESS
    assert root.compare("cn=one," + tree, "sn", "first", controls=[control(DONT_USE_COPY, True)]).code == COMPARE_TRUE
    assert root.read(tree, controls=[control(DONT_USE_COPY, True, b"x")]).code == PROTOCOL_ERROR


@pytest.mark.muster
def test_search_controls_are_not_for_other_operations(root, tree):
    for oid, value in ((MATCHED_VALUES, b"\x30\x00"), (DEREFERENCE, b"\x30\x00"), ("1.2.840.113556.1.4.473", b"\x30\x00"), ("1.3.6.1.4.1.4203.1.10.1", b"\x01\x01\xff")):
        assert root.compare("cn=one," + tree, "sn", "first", controls=[control(oid, True, value)]).code == UNAVAILABLE_CRITICAL_EXTENSION
        assert root.delete("cn=none," + tree, controls=[control(oid, True, value)]).code == UNAVAILABLE_CRITICAL_EXTENSION


# --- ranges of values, options --------------------------------------------------------------------------------------------------------

@pytest.mark.muster
@pytest.mark.parametrize("selector,name,expected", [
    ("description;range=0-1", "description;range=0-1", ["x1", "x2"]), ("description;Range=1-*", "description;range=1-*", ["x2", "y1"]),
    ("description;range=0-9", "description;range=0-*", ["x1", "x2", "y1"]), ("description;range=2-2", "description;range=2-*", ["y1"]),
    ("description;range=7-9", None, []), ("2.5.4.13;range=0-0", "description;range=0-0", ["x1"]), ("seeAlso;range=0-*", None, []),
    ("description;range=2-1", None, []), ("description;range=x-1", None, []), ("description;range=0-99999999999999999999", None, [])])
def test_ranges_of_values(root, tree, selector, name, expected):
    """Active Directory's way to read an attribute with many values part by part."""
    got = root.read("cn=one," + tree, [selector, "sn"]).only
    assert got.pop("sn") == [b"First"]
    assert {k: sorted(v.decode() for v in values) for k, values in got.items()} == ({name: expected} if name else {})


@pytest.mark.parametrize("selector,expected", [
    ("description", True), ("description;lang-de", True), ("DESCRIPTION;LANG-DE", True), ("description;lang-en", False), ("description;lang-", True),
    ("name", False), ("description;lang-d-", False)])
def test_options(root, tree, selector, expected):
    """RFC 4512 section 2.5.2; RFC 3866 section 2.2.2: an option that ends with a hyphen is a range of language tags."""
    assert ("description;lang-de" in root.read("cn=two," + tree, [selector]).only) == expected
    assert bool(root.search("cn=two," + tree, "base", f"({selector}=*)").entries) == (expected or selector == "name")
    assert bool(root.search("cn=two," + tree, "base", f"({selector}=X EINS)").entries) == expected
