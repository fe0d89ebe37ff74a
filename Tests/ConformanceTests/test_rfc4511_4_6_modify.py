"""RFC 4511 section 4.6 (modify), RFC 4525 (increment), and what slapd enforces while doing so."""
import pytest

import wire
from client import (ATTRIBUTE_OR_VALUE_EXISTS, CONSTRAINT_VIOLATION, INAPPROPRIATE_MATCHING, INVALID_ATTRIBUTE_SYNTAX,
                    INVALID_DN_SYNTAX, NAMING_VIOLATION, NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, NOT_ALLOWED_ON_RDN,
                    OBJECT_CLASS_MODS_PROHIBITED, OBJECT_CLASS_VIOLATION, PROTOCOL_ERROR, SUCCESS,
                    UNDEFINED_ATTRIBUTE_TYPE, lower_keys)


def attributes(client, dn, *names):
    return {k: sorted(v) for k, v in lower_keys(client.read(dn, list(names) or None).only).items()}


def test_add_values(root, person):
    assert root.modify(person, ("add", "description", ["third", "fourth"])).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"admiral", b"compiler", b"fourth", b"third"]}


def test_add_a_new_attribute(root, person):
    assert root.modify(person, ("add", "title", "Rear Admiral")).code == SUCCESS
    assert attributes(root, person, "title") == {"title": [b"Rear Admiral"]}


def test_add_with_option(root, person):
    assert root.modify(person, ("add", "description;lang-nl", "admiraal")).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"admiral", b"compiler"],
                                                       "description;lang-nl": [b"admiraal"]}
    assert root.modify(person, ("delete", "description;lang-nl", None)).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"admiral", b"compiler"]}


@pytest.mark.parametrize("value", ["admiral", "ADMIRAL", "  Admiral "])
def test_add_a_value_that_exists(root, person, value):
    assert root.modify(person, ("add", "description", value)).code == ATTRIBUTE_OR_VALUE_EXISTS


def test_add_the_same_value_twice(root, person):
    assert root.modify(person, ("add", "description", ["twin", "Twin"])).code == ATTRIBUTE_OR_VALUE_EXISTS


def test_delete_values(root, person):
    assert root.modify(person, ("delete", "description", "ADMIRAL")).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"compiler"]}
    assert root.modify(person, ("delete", "description", "compiler")).code == SUCCESS
    assert attributes(root, person, "description") == {}


def test_delete_an_attribute(root, person):
    assert root.modify(person, ("delete", "description", None)).code == SUCCESS
    assert attributes(root, person, "description") == {}


@pytest.mark.parametrize("attribute,given", [("description", ["nothing like it"]), ("title", None), ("title", ["x"]),
                                             ("description", ["admiral", "missing"])])
def test_delete_what_is_not_there(root, person, attribute, given):
    assert root.modify(person, ("delete", attribute, given)).code == NO_SUCH_ATTRIBUTE
    assert attributes(root, person, "description") == {"description": [b"admiral", b"compiler"]}


def test_replace(root, person):
    assert root.modify(person, ("replace", "description", ["one", "two"])).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"one", b"two"]}


def test_replace_keeps_the_new_spelling(root, person):
    assert root.modify(person, ("replace", "description", ["ADMIRAL"])).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"ADMIRAL"]}


def test_replace_by_nothing(root, person):
    assert root.modify(person, ("replace", "description", None)).code == SUCCESS
    assert root.modify(person, ("replace", "title", None)).code == SUCCESS, "replacing what is not there by nothing is no error"
    assert attributes(root, person, "description", "title") == {}


def test_several_changes_are_applied_in_order(root, person):
    assert root.modify(person, ("delete", "description", None), ("add", "description", "new"), ("add", "title", "Dr"),
                       ("replace", "title", "Prof"), ("delete", "title", "Prof"), ("add", "title", "Esq")).code == SUCCESS
    assert attributes(root, person, "description", "title") == {"description": [b"new"], "title": [b"Esq"]}


def test_delete_and_add_in_one_request_changes_the_spelling(root, person):
    assert root.modify(person, ("delete", "description", "admiral"), ("add", "description", "Admiral")).code == SUCCESS
    assert attributes(root, person, "description") == {"description": [b"Admiral", b"compiler"]}


def test_all_or_nothing(root, person):
    before = attributes(root, person, "*", "+")
    assert root.modify(person, ("add", "title", "Dr"), ("delete", "description", "missing")).code == NO_SUCH_ATTRIBUTE
    assert attributes(root, person, "*", "+") == before


def test_only_the_result_must_obey_the_schema(root, person):
    """RFC 4511 section 4.6: the entry may be invalid between the changes of one request."""
    assert root.modify(person, ("delete", "sn", None), ("add", "sn", "Murray")).code == SUCCESS
    assert attributes(root, person, "sn") == {"sn": [b"Murray"]}


def test_increment(root, person):
    assert root.modify(person, ("add", "objectClass", "zimbraAccount"), ("add", "uid", "grace"),
                       ("add", "zimbraId", "increment-test"), ("add", "zimbraAccountStatus", "active"),
                       ("add", "zimbraMailQuota", "41")).code == SUCCESS
    assert root.modify(person, ("increment", "zimbraMailQuota", "1")).code == SUCCESS
    assert root.modify(person, ("increment", "zimbraMailQuota", "-100")).code == SUCCESS
    assert attributes(root, person, "zimbraMailQuota") == {"zimbramailquota": [b"-58"]}


@pytest.mark.parametrize("attribute,given,codes", [
    ("zimbraMailQuota", ["1"], {NO_SUCH_ATTRIBUTE}), ("description", ["1"], {CONSTRAINT_VIOLATION, INAPPROPRIATE_MATCHING}),
    ("telephoneNumber", ["1", "2"], {PROTOCOL_ERROR, CONSTRAINT_VIOLATION})])
def test_increment_of_what_cannot_be(root, person, attribute, given, codes):
    assert root.modify(person, ("increment", attribute, given)).code in codes


# --- the schema ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("change,code", [
    (("add", "noSuchAttribute", "x"), UNDEFINED_ATTRIBUTE_TYPE),
    (("replace", "noSuchAttribute", None), UNDEFINED_ATTRIBUTE_TYPE),
    (("delete", "noSuchAttribute", None), UNDEFINED_ATTRIBUTE_TYPE),
    (("delete", "sn", None), OBJECT_CLASS_VIOLATION),
    (("replace", "sn", None), OBJECT_CLASS_VIOLATION),
    (("add", "dc", "example"), OBJECT_CLASS_VIOLATION),
    (("add", "zimbraMailQuota", "12"), OBJECT_CLASS_VIOLATION),
    (("add", "objectClass", "noSuchClass"), INVALID_ATTRIBUTE_SYNTAX),
    (("add", "objectClass", "zimbraAccount"), OBJECT_CLASS_VIOLATION),           # its mandatory attributes are missing
    (("add", "objectClass", "organizationalUnit"), OBJECT_CLASS_VIOLATION),      # a second structural chain
    (("delete", "objectClass", None), OBJECT_CLASS_VIOLATION),
    (("replace", "objectClass", ["top"]), OBJECT_CLASS_VIOLATION),               # no structural class
    (("replace", "objectClass", ["organizationalUnit"]), OBJECT_CLASS_MODS_PROHIBITED),
    (("replace", "objectClass", ["person"]), OBJECT_CLASS_MODS_PROHIBITED),
    (("replace", "sn", [""]), INVALID_ATTRIBUTE_SYNTAX),
    (("add", "seeAlso", "no name"), INVALID_ATTRIBUTE_SYNTAX),
    (("add", "preferredDeliveryMethod", "pigeon"), INVALID_ATTRIBUTE_SYNTAX),
    (("add", "description", b"\xff\xfe"), INVALID_ATTRIBUTE_SYNTAX),
    (("add", "mail", "jürgen@example.com"), INVALID_ATTRIBUTE_SYNTAX),           # IA5
    (("add", "preferredLanguage", ["de", "en"]), CONSTRAINT_VIOLATION),          # single-valued
    (("add", "displayName", ["a", "b"]), CONSTRAINT_VIOLATION),
    (("replace", "entryUUID", "00000000-0000-4000-8000-00000000abcd"), CONSTRAINT_VIOLATION),
    (("replace", "createTimestamp", "20200101000000Z"), CONSTRAINT_VIOLATION),
    (("replace", "modifiersName", "cn=x"), CONSTRAINT_VIOLATION),
    (("replace", "structuralObjectClass", "person"), CONSTRAINT_VIOLATION),
    (("add", "hasSubordinates", "TRUE"), CONSTRAINT_VIOLATION),
    (("add", "subschemaSubentry", "cn=x"), CONSTRAINT_VIOLATION),
    (("replace", "entryDN", "cn=x"), CONSTRAINT_VIOLATION),
    (("replace", "entryUUID", "not a UUID"), INVALID_ATTRIBUTE_SYNTAX),          # the value is judged before the right to set it
    (("replace", "createTimestamp", "yesterday"), INVALID_ATTRIBUTE_SYNTAX),
    (("increment", "entryUUID", "not a UUID"), CONSTRAINT_VIOLATION),            # that it cannot grow is told before
    (("add", "not a name", "x"), UNDEFINED_ATTRIBUTE_TYPE),
    (("add", "description;bad option", "x"), UNDEFINED_ATTRIBUTE_TYPE),
])
def test_violations(root, person, change, code):
    before = attributes(root, person, "*", "+")
    result = root.modify(person, change)
    assert result.code == code, result
    assert result.message, "a refusal says why"
    assert attributes(root, person, "*", "+") == before


@pytest.mark.parametrize("change", [("delete", "cn", "Grace Hopper"), ("delete", "cn", None), ("replace", "cn", ["Somebody Else"])])
def test_distinguished_values_stay(root, person, change):
    """RFC 4511 section 4.6 names notAllowedOnRDN; slapd answers namingViolation."""
    before = attributes(root, person)
    assert root.modify(person, change).code in (NOT_ALLOWED_ON_RDN, NAMING_VIOLATION)
    assert attributes(root, person) == before


def test_add_without_values(server, person):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        answer = connection.ask(wire.message(2, wire.modify(person, (0, "description", []))))
        assert answer.code == PROTOCOL_ERROR


def test_unknown_kind_of_change(server, person):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        answer = connection.ask(wire.message(2, wire.modify(person, (9, "description", ["x"]))))
        assert answer is None or answer.code == PROTOCOL_ERROR


def test_modify_without_changes(server, person):
    """slapd calls an empty list of changes success; the RFC allows the empty sequence."""
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        assert connection.ask(wire.message(2, wire.modify(person))).code in (SUCCESS, PROTOCOL_ERROR)


def test_replacing_the_rdn_attribute_with_its_value_kept(root, person):
    assert root.modify(person, ("replace", "cn", ["GRACE  hopper", "Other"])).code == SUCCESS
    assert attributes(root, person, "cn") == {"cn": [b"GRACE  hopper", b"Other"]}


def test_auxiliary_class_with_its_attributes(root, person):
    assert root.modify(person, ("add", "objectClass", "amavisAccount"), ("add", "amavisSpamLover", "TRUE")).code == SUCCESS
    assert root.modify(person, ("add", "amavisVirusLover", "maybe")).code == INVALID_ATTRIBUTE_SYNTAX
    assert root.modify(person, ("delete", "objectClass", "amavisAccount")).code == OBJECT_CLASS_VIOLATION
    assert root.modify(person, ("delete", "objectClass", "amavisAccount"), ("delete", "amavisSpamLover", None)).code == SUCCESS


def test_structural_superclasses_may_be_listed(root, person):
    assert root.modify(person, ("add", "objectClass", ["top", "person", "organizationalPerson"])).code == SUCCESS
    assert attributes(root, person, "structuralObjectClass") == {"structuralobjectclass": [b"inetOrgPerson"]}


@pytest.mark.parametrize("dn,code", [("cn=nobody,dc=acme,dc=example", NO_SUCH_OBJECT), ("nonsense", INVALID_DN_SYNTAX)])
def test_name(root, dn, code):
    assert root.modify(dn, ("replace", "description", "x")).code == code


def test_no_such_object_names_what_matched(root, branch):
    result = root.modify("cn=x,cn=y," + branch, ("replace", "description", "x"))
    assert (result.code, result.matched) == (NO_SUCH_OBJECT, branch)


def test_large_values(root, person):
    photo = bytes(range(256)) * 4000
    assert root.modify(person, ("replace", "jpegPhoto", photo)).code == SUCCESS
    assert attributes(root, person, "jpegPhoto") == {"jpegphoto": [photo]}
    text = "é" * 30000
    assert root.modify(person, ("replace", "description", text)).code == SUCCESS
    assert root.search(person, "base", "(description=%s)" % text, ["1.1"]).names == {person.lower()}


def test_many_values(root, person):
    values = [f"value number {i}" for i in range(3000)]
    assert root.modify(person, ("replace", "description", values)).code == SUCCESS
    assert root.modify(person, ("delete", "description", values[::2])).code == SUCCESS
    assert attributes(root, person, "description")["description"] == sorted(v.encode() for v in values[1::2])
    assert root.search(person, "base", "(description=value number 1501)", ["1.1"]).names
    assert not root.search(person, "base", "(description=value number 1500)", ["1.1"]).names


def test_searches_follow_changes(root, branch, person):
    """Indexed attributes are found by their new values, and no more by the old ones."""
    assert root.modify(person, ("add", "givenName", "Grace"), ("add", "displayName", "Grace H.")).code == SUCCESS
    for filter in ("(givenName=grace)", "(displayName=grace*)", "(displayName=*h.)", "(givenName=*ra*)", "(givenName=*)"):
        assert root.search(branch, filter=filter, attributes=["1.1"]).names == {person.lower()}, filter
    assert root.modify(person, ("replace", "givenName", "Ada"), ("delete", "displayName", None)).code == SUCCESS
    for filter in ("(givenName=grace)", "(displayName=grace*)", "(displayName=*h.)", "(givenName=*ra*)", "(displayName=*)"):
        assert root.search(branch, filter=filter, attributes=["1.1"]).names == set(), filter
    assert root.search(branch, filter="(givenName=ada)", attributes=["1.1"]).names == {person.lower()}
