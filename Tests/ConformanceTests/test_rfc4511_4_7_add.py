"""RFC 4511 section 4.7 (add), RFC 4512 section 2 (entries, names, classes), as slapd enforces them."""
import pytest

import wire
from client import (CONSTRAINT_VIOLATION, ENTRY_ALREADY_EXISTS, INVALID_ATTRIBUTE_SYNTAX, INVALID_DN_SYNTAX, NAMING_VIOLATION,
                    NO_SUCH_OBJECT, OBJECT_CLASS_VIOLATION, PROTOCOL_ERROR, ATTRIBUTE_OR_VALUE_EXISTS, SUCCESS,
                    UNDEFINED_ATTRIBUTE_TYPE, lower_keys)

PERSON = {"objectClass": "person", "cn": "New", "sn": "Person"}


def test_add_and_read_back(root, branch):
    dn = "cn=New," + branch
    assert root.add(dn, dict(PERSON, description=["one", "Two"])).code == SUCCESS
    entry = lower_keys(root.read(dn).only)
    assert {k: sorted(v) for k, v in entry.items()} == {
        "objectclass": [b"person"], "cn": [b"New"], "sn": [b"Person"], "description": [b"Two", b"one"]}


def test_rdn_value_is_added_if_missing(root, branch):
    """slapd adds the distinguished value by itself (the RFC leaves it to the server)."""
    dn = "cn=Implied," + branch
    assert root.add(dn, {"objectClass": "person", "sn": "x"}).code in (SUCCESS, NAMING_VIOLATION)
    assert root.add("cn=Other," + branch, dict(PERSON)).code in (SUCCESS, NAMING_VIOLATION)


def test_multivalued_rdn(root, branch):
    dn = "cn=New+sn=Person," + branch
    assert root.add(dn, PERSON).code == SUCCESS
    assert root.add("sn=PERSON+cn=new," + branch, PERSON).code == ENTRY_ALREADY_EXISTS
    assert root.read("sn=person+cn=new," + branch).code == SUCCESS


@pytest.mark.parametrize("spelling", ["cn=New,", "CN=NEW,", "cn = new ,", "2.5.4.3=New,", "cn=\\4eew,"])
def test_entry_already_exists(root, branch, spelling):
    assert root.add("cn=New," + branch, PERSON).code == SUCCESS
    assert root.add(spelling + branch, PERSON).code == ENTRY_ALREADY_EXISTS


def test_parent_that_does_not_exist(root, branch):
    result = root.add("cn=New,ou=missing,ou=gone," + branch, PERSON)
    assert (result.code, result.matched) == (NO_SUCH_OBJECT, branch)


def test_a_new_top(root):
    """The tree is rooted at the empty name: any entry may stand at the top."""
    try:
        assert root.add("o=another top", {"objectClass": "organization", "o": "another top"}).code == SUCCESS
        assert root.search("", "one", "(o=another top)", ["1.1"]).names == {"o=another top"}
        assert root.add("cn=New,o=Another Top", PERSON).code == SUCCESS
    finally:
        root.remove_tree("o=another top")


@pytest.mark.parametrize("change,code", [
    ({"noSuchAttribute": "x"}, UNDEFINED_ATTRIBUTE_TYPE),
    ({"sn": None}, OBJECT_CLASS_VIOLATION),
    ({"objectClass": None}, OBJECT_CLASS_VIOLATION),
    ({"objectClass": "noSuchClass"}, INVALID_ATTRIBUTE_SYNTAX),
    ({"objectClass": "top"}, OBJECT_CLASS_VIOLATION),
    ({"objectClass": "zimbraAccount"}, OBJECT_CLASS_VIOLATION),                       # auxiliary alone
    ({"objectClass": ["person", "organizationalUnit"]}, OBJECT_CLASS_VIOLATION),      # two structural chains
    ({"objectClass": ["person", "zimbraAccount"]}, OBJECT_CLASS_VIOLATION),           # MUSTs of the auxiliary class
    ({"mail": "x@example.com"}, OBJECT_CLASS_VIOLATION),                              # not allowed by person
    ({"telephoneNumber": ""}, INVALID_ATTRIBUTE_SYNTAX),
    ({"seeAlso": "not a name"}, INVALID_ATTRIBUTE_SYNTAX),
    ({"sn": ["a", "A"]}, ATTRIBUTE_OR_VALUE_EXISTS),
    ({"objectClass": ["person", "person"]}, ATTRIBUTE_OR_VALUE_EXISTS),
    ({"description": b"\xc3"}, INVALID_ATTRIBUTE_SYNTAX),
    ({"entryUUID": "00000000-0000-4000-8000-0000000000ff"}, CONSTRAINT_VIOLATION),
    ({"createTimestamp": "20200101000000Z"}, CONSTRAINT_VIOLATION),
    ({"modifiersName": "cn=x"}, CONSTRAINT_VIOLATION),
    ({"structuralObjectClass": "person"}, CONSTRAINT_VIOLATION),
])
def test_violations(root, branch, change, code):
    entry = {k: v for k, v in dict(PERSON, **change).items() if v is not None}
    result = root.add("cn=New," + branch, entry)
    assert result.code == code, result
    assert result.message, "a refusal says why"
    assert root.read("cn=New," + branch).code == NO_SUCH_OBJECT


ACCOUNT = {"objectClass": ["inetOrgPerson", "zimbraAccount"], "uid": "x", "cn": "x", "sn": "x", "zimbraId": "syntax-test",
           "zimbraAccountStatus": "active"}


@pytest.mark.parametrize("attribute,good,bad", [
    ("zimbraMailQuota", ["0", "-5", "123456789012345678901234567890"], ["", "1.5", "+5", "01", "-0", "five", " 5", "--5", "-"]),
    ("zimbraHideInGal", ["TRUE", "FALSE"], ["true", "yes", "1", "", "TRUE "]),
    ("zimbraCreateTimestamp", ["20200101120000Z", "20200101120000.5Z", "202001011200Z", "2020010112Z", "20200101120000+0100",
                               "20240229000000Z", "20161231235960Z"],
     ["2020-01-01", "20201301000000Z", "20200132000000Z", "20200101250000Z", "20200101120000", "20230229000000Z", "", "x"]),
    ("mail", ["a@example.com", "any ascii at all"], ["é@example.com"]),
    ("telephoneNumber", ["+1 555-0100"], [""]),
    ("seeAlso", ["cn=x", ""], ["cn", "nosuchtype=x", "cn=x,"]),
    ("description", ["x", "日本語", " ", "a\nb"], ["", b"\xff", b"\xc0\x80", b"a\xe2\x82"]),
    ("jpegPhoto", [b"\x00\xff"], []),
    ("userPassword", [b"\x00\xff", "x"], []),
])
def test_syntaxes(root, branch, attribute, good, bad):
    for expected, candidates in ((SUCCESS, good), (INVALID_ATTRIBUTE_SYNTAX, bad)):
        for value in candidates:
            result = root.add("uid=x," + branch, dict(ACCOUNT, **{attribute: value}))
            assert result.code == expected, (attribute, value, result)
            root.delete("uid=x," + branch)


@pytest.mark.difference("slapd does not see surrogates, which RFC 3629 section 3 forbids in UTF-8")
@pytest.mark.parametrize("value", [b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80"])
def test_code_points_that_are_not_unicode(root, branch, value):
    assert root.add("cn=New," + branch, dict(PERSON, description=value)).code == INVALID_ATTRIBUTE_SYNTAX


@pytest.mark.parametrize("attribute", ["zimbraMailQuota", "zimbraHideInGal", "zimbraCreateTimestamp", "displayName", "zimbraMailHost"])
def test_single_valued(root, branch, attribute):
    two = {"zimbraMailQuota": ["1", "2"], "zimbraHideInGal": ["TRUE", "FALSE"],
           "zimbraCreateTimestamp": ["20200101120000Z", "20210101120000Z"]}.get(attribute, ["a", "b"])
    result = root.add("uid=x," + branch, dict(ACCOUNT, **{attribute: two}))
    assert (result.code, root.read("uid=x," + branch).code) == (CONSTRAINT_VIOLATION, NO_SUCH_OBJECT)


def test_distinguished_value_must_be_allowed(root, branch):
    assert root.add("mail=x@example.com," + branch, PERSON).code in (NAMING_VIOLATION, OBJECT_CLASS_VIOLATION)


@pytest.mark.parametrize("dn", ["", "nonsense", "cn=New,,dc=x", "nosuchtype=x,dc=acme,dc=example"])
def test_names_that_cannot_be(root, dn):
    assert root.add(dn, PERSON).code in (INVALID_DN_SYNTAX, ENTRY_ALREADY_EXISTS, NAMING_VIOLATION)


def test_attribute_without_values(server, branch):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        answer = connection.ask(wire.message(2, wire.add("cn=New," + branch, ("objectClass", ["person"]), ("cn", ["New"]),
                                                         ("sn", ["x"]), ("description", []))))
        assert answer.code == PROTOCOL_ERROR


def test_same_attribute_listed_twice(server, branch):
    """slapd joins the values of an attribute that stands twice in the request."""
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        answer = connection.ask(wire.message(2, wire.add("cn=New," + branch, ("objectClass", ["person"]), ("cn", ["New"]),
                                                         ("sn", ["x"]), ("CN", ["Newer"]))))
        assert answer.code in (SUCCESS, ATTRIBUTE_OR_VALUE_EXISTS)


def test_deep_tree(root, branch):
    dn = branch
    for i in range(40):
        dn = f"ou=level {i}," + dn
        assert root.add(dn, {"objectClass": "organizationalUnit", "ou": f"level {i}"}).code == SUCCESS
    found = root.search(branch, "sub", "(ou=level 39)", ["1.1"])
    assert found.names == {dn.lower()}
    assert len(root.search(branch, "children", attributes=["1.1"]).entries) == 40


@pytest.mark.parametrize("value,rdn", [
    ("plus+comma,", r"cn=plus\+comma\,"), (' lead', r"cn=\ lead"), ("#hash", r"cn=\#hash"), ('q"uote', r'cn=q\"uote'),
    ("back\\slash", r"cn=back\\slash"), ("semi;colon", r"cn=semi\;colon"), ("less<more>", r"cn=less\<more\>"),
    ("equals=", r"cn=equals="), ("ünïcödé", "cn=ünïcödé"), ("日本語", "cn=日本語"), ("line\nbreak", r"cn=line\0Abreak")])
def test_special_characters_in_names(root, branch, value, rdn):
    assert root.add(f"{rdn},{branch}", {"objectClass": "person", "cn": value, "sn": "x"}).code == SUCCESS
    found = root.search(branch, "one", attributes=["cn"])
    assert [a["cn"] for _, a in found.entries] == [[value.encode()]]
    again = root.read(found.entries[0][0])
    assert again.code == SUCCESS, "the name in the answer leads back to the entry"
    assert root.delete(found.entries[0][0]).code == SUCCESS


def test_add_below_a_leaf(root, person):
    assert root.add("cn=child," + person, dict(PERSON, cn="child")).code == SUCCESS
    assert root.search(person, "one", attributes=["1.1"]).names == {"cn=child," + person.lower()}


def test_classes_are_kept_by_their_names(root, branch):
    """Whatever name or OID they were given by, as in slapd."""
    dn = "cn=classes," + branch
    assert root.add(dn, {"objectClass": ["2.16.840.1.113730.3.2.2", "PERSON"], "cn": "classes", "sn": "x"}).code == SUCCESS
    assert sorted(root.read(dn).only["objectClass"]) == [b"inetOrgPerson", b"person"]
    assert root.modify(dn, ("add", "objectClass", "zimbraMAILrecipient"), ("delete", "objectClass", "2.5.6.6")).code == SUCCESS
    assert sorted(root.read(dn).only["objectClass"]) == [b"inetOrgPerson", b"zimbraMailRecipient"]


def test_types_in_names_go_by_their_names(root, branch):
    """Whatever name or OID they were given by, as in slapd."""
    assert root.add("2.5.4.3=Named," + branch, {"objectClass": "person", "cn": "Named", "sn": "x"}).code == SUCCESS
    assert root.read("cn=Named," + branch).entries[0][0] == "cn=Named," + branch
    assert root.rename("cn=Named," + branch, "commonName=Renamed+SN=x").code == SUCCESS
    assert root.read("cn=Renamed+sn=x," + branch).entries[0][0] == "cn=Renamed+sn=x," + branch
