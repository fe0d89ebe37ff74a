"""RFC 4511 section 4.5: scopes, limits, attribute selection, what a search result holds."""
import pytest

import wire
from client import (INVALID_DN_SYNTAX, NO_SUCH_OBJECT, PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, lower_keys)
from conftest import PEOPLE

ADA = "uid=ada," + PEOPLE
DEEP = "ou=deep," + PEOPLE
EVERYONE = {f"uid={u},{PEOPLE}" for u in ("ada", "bob", "chloe", "dieter")}
BELOW_DEEP = {"cn=eve+sn=adams," + DEEP, r"cn=smith\2c john," + DEEP}


def normal(names):
    return {n.lower().replace("\\,", "\\2c") for n in names}


@pytest.mark.parametrize("scope,expected", [
    ("base", {PEOPLE}), ("one", EVERYONE | {DEEP}), ("sub", EVERYONE | {PEOPLE, DEEP} | BELOW_DEEP),
    ("children", EVERYONE | {DEEP} | BELOW_DEEP)])
def test_scopes(user, scope, expected):
    result = user.search(PEOPLE, scope, attributes=["1.1"])
    assert result.code == SUCCESS
    assert normal(result.names) == expected
    assert len(result.entries) == len(expected)


@pytest.mark.parametrize("scope", ["base", "one", "sub", "children"])
def test_scopes_at_a_leaf(user, scope):
    result = user.search(ADA, scope, attributes=["1.1"])
    assert (result.code, result.names) == (SUCCESS, {ADA} if scope in ("base", "sub") else set())


def test_scopes_below_the_empty_name(root):
    top = root.search("", "one", attributes=["1.1"])
    assert top.code == SUCCESS
    assert {"cn=zimbra", "dc=example"} <= top.names
    everything = root.search("", "sub", attributes=["1.1"])
    assert everything.code == SUCCESS
    assert len(everything.entries) > 300
    assert "" not in everything.names, "the root DSE is no entry of the tree"
    assert root.search("", "children", attributes=["1.1"]).names == everything.names


def test_invalid_scope(server):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.search("", 7)))
        assert answer is None or answer.code == PROTOCOL_ERROR


@pytest.mark.parametrize("base,matched", [
    ("uid=nobody," + PEOPLE, PEOPLE), ("cn=x,cn=y,uid=nobody," + PEOPLE, PEOPLE), ("dc=nowhere", ""),
    ("ou=x,dc=nowhere", ""), ("uid=ADA2,ou=People,dc=nothing,dc=example", "dc=example")])
def test_base_that_does_not_exist(user, base, matched):
    result = user.search(base)
    assert (result.code, result.matched.lower(), result.entries) == (NO_SUCH_OBJECT, matched, [])


@pytest.mark.parametrize("base", ["nonsense", "cn", "cn=a,,dc=b", "nosuchtype=x", ",dc=x", "cn=a,", "=x", "cn=a+,dc=x", "cn=\\zz"])
def test_base_that_is_no_name(user, base):
    assert user.search(base).code == INVALID_DN_SYNTAX


@pytest.mark.parametrize("spelling", [
    "UID=ADA,OU=CONFORMANCE,DC=ACME,DC=EXAMPLE", "uid = ada , ou = conformance , dc = acme , dc = example",
    "0.9.2342.19200300.100.1.1=ada," + PEOPLE, "userid=ada,2.5.4.11=conformance,domainComponent=acme,dc=example",
    "uid=\\61da," + PEOPLE, 'uid="ada",' + PEOPLE, "uid=ada;ou=conformance;dc=acme;dc=example"])
def test_spellings_of_a_name(user, spelling):
    result = user.search(spelling, "base", attributes=["1.1"])
    assert (result.code, result.names) == (SUCCESS, {ADA})


@pytest.mark.difference("slapd takes the hexadecimal form for binary syntaxes only; RFC 4514 section 2.4 knows no such limit")
def test_hexadecimal_form_of_a_value(user):
    assert user.search("uid=#0403616461," + PEOPLE, "base", attributes=["1.1"]).names == {ADA}


@pytest.mark.parametrize("spelling", ["sn=Adams+cn=Eve," + DEEP, "cn=eve + sn=adams," + DEEP, "CN=EVE+SN=ADAMS," + DEEP])
def test_multivalued_rdn_in_any_order(user, spelling):
    result = user.search(spelling, "base", attributes=["1.1"])
    assert result.code == SUCCESS and len(result.entries) == 1


@pytest.mark.parametrize("spelling", [r"cn=Smith\, John," + DEEP, r"cn=Smith\2C John," + DEEP, r"cn=smith\2c\20john," + DEEP,
                                      'cn="Smith, John",' + DEEP])
def test_escaped_comma(user, spelling):
    result = user.search(spelling, "base", attributes=["cn"])
    assert lower_keys(result.only)["cn"] == [b"Smith, John"]


# --- limits -------------------------------------------------------------------------------------------------------------

def test_size_limit(user):
    result = user.search(PEOPLE, attributes=["1.1"], size_limit=3)
    assert (result.code, len(result.entries)) == (SIZE_LIMIT_EXCEEDED, 3)


def test_size_limit_that_just_suffices(user):
    result = user.search(PEOPLE, "one", "(objectClass=inetOrgPerson)", attributes=["1.1"], size_limit=4)
    assert (result.code, len(result.entries)) == (SUCCESS, 4)


def test_time_limit_of_a_fast_search(user):
    assert user.search(PEOPLE, time_limit=5).code == SUCCESS


@pytest.mark.parametrize("size,seconds", [(-1, 0), (0, -1), (2**31, 0), (0, 2**31)])
def test_limits_out_of_range(server, size, seconds):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.search("", 0, size=size, seconds=seconds)))
        assert answer is None or answer.code == PROTOCOL_ERROR


# --- attribute selection -----------------------------------------------------------------------------------------------

USER_ATTRIBUTES = {"objectclass", "uid", "cn", "sn", "givenname", "displayname", "mail", "zimbramaildeliveryaddress",
                   "zimbraid", "zimbraaccountstatus", "zimbracreatetimestamp", "zimbramailquota", "zimbrahideingal",
                   "telephonenumber", "description", "description;lang-en", "description;lang-fr", "employeenumber",
                   "jpegphoto", "seealso"}
OPERATIONAL = {"structuralobjectclass", "entryuuid", "creatorsname", "createtimestamp", "entrycsn", "modifiersname",
               "modifytimestamp", "entrydn", "subschemasubentry", "hassubordinates"}


def names(client, attributes, dn=ADA, **more):
    return set(lower_keys(client.search(dn, "base", attributes=attributes, **more).only))


@pytest.mark.parametrize("attributes,expected", [
    (None, USER_ATTRIBUTES), ([], USER_ATTRIBUTES), (["*"], USER_ATTRIBUTES), (["+"], OPERATIONAL),
    (["*", "+"], USER_ATTRIBUTES | OPERATIONAL), (["1.1"], set()), (["1.1", "cn"], {"cn"}), (["cn", "1.1"], {"cn"}),
    (["CN", "Mail"], {"cn", "mail"}), (["2.5.4.3"], {"cn"}), (["commonName"], {"cn"}), (["cn", "cn", "CN"], {"cn"}),
    (["*", "entryUUID"], USER_ATTRIBUTES | {"entryuuid"}), (["+", "cn"], OPERATIONAL | {"cn"}),
    (["nosuchattribute"], set()), (["nosuchattribute", "cn"], {"cn"}), (["@zimbraMailRecipient"], {"objectclass", "zimbraid", "zimbrahideingal", "zimbramaildeliveryaddress"} - {"zimbraid"}),
    (["@nosuchclass"], set()), (["description"], {"description", "description;lang-en", "description;lang-fr"}),
    (["description;lang-en"], {"description;lang-en"}), (["description;LANG-EN"], {"description;lang-en"}),
    (["description;lang-de"], set()), (["entryDN"], {"entrydn"}), (["hasSubordinates"], {"hassubordinates"}),
    (["name"], {"cn", "sn", "givenname"}), (["not an attribute!"], set()), ([""], set())])
def test_attribute_selection(user, attributes, expected):
    assert names(user, attributes) == expected


@pytest.mark.parametrize("attributes,expected", [(["1.1", "*"], USER_ATTRIBUTES), (["*", "1.1", "+"], USER_ATTRIBUTES | OPERATIONAL)])
def test_no_attributes_besides_others_is_ignored(user, attributes, expected):
    """RFC 4511 section 4.5.1.8: `1.1` with other attributes is ignored."""
    assert names(user, attributes) == expected


def test_class_selection(user):
    """RFC 4529: `@class` stands for all attributes the class allows, with those of its superiors."""
    assert names(user, ["@person"]) == {"objectclass", "sn", "cn", "telephonenumber", "description", "description;lang-en",
                                        "description;lang-fr", "seealso"}
    assert names(user, ["@person", "mail"]) == names(user, ["@person"]) | {"mail"}
    assert "uid" in names(user, ["@inetOrgPerson"])


def test_types_only(user):
    result = user.search(ADA, "base", types_only=True)
    assert set(lower_keys(result.only)) == USER_ATTRIBUTES
    assert all(vs == [] for vs in result.only.values())
    result = user.search(ADA, "base", attributes=["cn", "hasSubordinates"], types_only=True)
    assert lower_keys(result.only) == {"cn": [], "hassubordinates": []}


def test_values_are_kept_as_given(user):
    attributes = lower_keys(user.read("uid=bob," + PEOPLE).only)
    assert attributes["cn"] == [b"Bob  van der   Berg"]
    assert attributes["telephonenumber"] == [b"+44-20-7946-0002"]
    ada = lower_keys(user.read(ADA).only)
    assert ada["jpegphoto"] == [bytes.fromhex("ffd8ffe000104a46494600010101")[:len(ada["jpegphoto"][0])]]
    assert sorted(ada["cn"]) == [b"Ada Lovelace", b"Augusta Ada King"]
    assert ada["description;lang-fr"] == ["la première programmeuse".encode()]


def test_names_are_kept_as_given(user):
    result = user.search(DEEP, "one", "(cn=eve)", ["1.1"])
    assert result.entries[0][0] == "cn=eve+sn=Adams," + DEEP


def test_canonical_spelling_of_attribute_names(user):
    """slapd answers with the schema's spelling, not the request's."""
    assert set(user.search(ADA, "base", attributes=["CN", "GIVENNAME", "2.5.4.4"]).only) == {"cn", "givenName", "sn"}


# --- alias dereferencing flags are accepted ----------------------------------------------------------------------------

@pytest.mark.parametrize("deref", [0, 1, 2, 3])
def test_dereference_flags(server, deref):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        connection.send(wire.message(2, wire.search(ADA, 0, deref=deref, attributes=["1.1"])))
        assert [connection.receive().tag, connection.receive().tag] == [0x64, 0x65]


def test_many_searches_in_flight(server):
    """Answers to pipelined requests carry their own numbers and are all complete."""
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        n = 90
        connection.send(*[wire.message(100 + i, wire.search(PEOPLE, 2, attributes=["1.1"])) for i in range(n)])
        seen, done = {}, 0
        while done < n:
            answer = connection.receive()
            if answer.tag == 0x65:
                assert answer.code == 0
                done += 1
            else:
                seen[answer.number] = seen.get(answer.number, 0) + 1
    assert seen == {100 + i: 8 for i in range(n)}


def test_search_over_the_whole_tree_with_all_attributes(root):
    result = root.search("", "sub", attributes=["*", "+"])
    assert result.code == SUCCESS and len(result.entries) > 300
    assert all("entryUUID" in attributes for _, attributes in result.entries)
