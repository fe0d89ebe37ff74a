"""Controls of changes: increment (RFC 4525), permissive modify, no-op (draft-zeilenga-ldap-noop), relax (draft-zeilenga-ldap-relax),
proxied authorization (RFC 4370), authorization identity (RFC 3829); cancel (RFC 3909) and operations that are refused."""
import time

import pytest

import wire
from client import (ATTRIBUTE_OR_VALUE_EXISTS, COMPARE_TRUE, CONSTRAINT_VIOLATION, ENTRY_ALREADY_EXISTS,
                    INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, OBJECT_CLASS_MODS_PROHIBITED, PROTOCOL_ERROR,
                    SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION, UNDEFINED_ATTRIBUTE_TYPE, Client, control)
from conftest import PEOPLE
from servers import ADMIN_DN, ROOT_DN, ROOT_PASSWORD

ADA, BOB = "uid=ada," + PEOPLE, "uid=bob," + PEOPLE
NO_OPERATION, NO_OPERATION_CODE = "1.3.6.1.4.1.4203.666.5.2", 0x410E
PERMISSIVE, RELAX, TREE_DELETE = "1.2.840.113556.1.4.1413", "1.3.6.1.4.1.4203.666.5.12", "1.2.840.113556.1.4.805"
PROXY, AUTHORIZATION_DENIED = "2.16.840.1.113730.3.4.18", 123
IDENTITY, IDENTITY_RESPONSE = "2.16.840.1.113730.3.4.16", "2.16.840.1.113730.3.4.15"
CANCEL, NO_SUCH_OPERATION = "1.3.6.1.1.8", 119

NO_OP = [control(NO_OPERATION, True)]


def proxy(name, critical=True):
    return [control(PROXY, critical, name.encode())]


# --- increment ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def counted(root, branch):
    dn = "uid=counted," + branch
    entry = {"objectClass": ["inetOrgPerson", "zimbraAccount"], "uid": "counted", "cn": "c", "sn": "c", "zimbraMailQuota": "41",
             "zimbraId": "00000000-0000-4000-8000-0000000c0de1", "mail": "counted@conformance.example",
             "zimbraAccountStatus": "active"}
    result = root.add(dn, entry)
    assert result.code == SUCCESS, result
    return dn, "zimbraMailQuota"


@pytest.mark.parametrize("by,expected", [("1", b"42"), ("-1", b"40"), ("-100", b"-59"), ("0", b"41")])
def test_rfc4525_increment(root, counted, by, expected):
    dn, number = counted
    assert root.modify(dn, ("increment", number, by)).code == SUCCESS
    assert root.read(dn, [number]).only[number] == [expected]


def test_rfc4525_increment_refused(root, counted):
    dn, number = counted
    assert root.modify(dn, ("increment", number, ["1", "2"])).code in (PROTOCOL_ERROR, CONSTRAINT_VIOLATION)
    assert root.modify(dn, ("increment", "description", "1")).code in (CONSTRAINT_VIOLATION, NO_SUCH_ATTRIBUTE)
    assert root.modify(dn, ("increment", "sn", "1")).code == CONSTRAINT_VIOLATION
    assert root.modify(dn, ("increment", number, "x")).code in (21, CONSTRAINT_VIOLATION)
    assert root.read(dn, [number]).only[number] == [b"41"]


@pytest.mark.muster
@pytest.mark.parametrize("by", ["9223372036854775807", "99999999999999999999", "-9223372036854775808"])
def test_increment_beyond_the_range(root, counted, by):
    dn, number = counted
    assert root.modify(dn, ("replace", number, "-9" if by.startswith("-") else "9")).code == SUCCESS
    result = root.modify(dn, ("increment", number, by))
    assert result.code == CONSTRAINT_VIOLATION and "out of range" in result.message


# --- permissive modify ----------------------------------------------------------------------------------------------------

PERMITTED = [control(PERMISSIVE, True)]


def test_permissive_modify(root, person):
    assert root.modify(person, ("add", "description", "admiral")).code == ATTRIBUTE_OR_VALUE_EXISTS
    assert root.modify(person, ("add", "description", ["Admiral", "new"]), controls=PERMITTED).code == SUCCESS
    assert set(root.read(person).only["description"]) == {b"admiral", b"compiler", b"new"}
    assert root.modify(person, ("delete", "description", "absent")).code == NO_SUCH_ATTRIBUTE
    assert root.modify(person, ("delete", "title", None)).code == NO_SUCH_ATTRIBUTE
    assert root.modify(person, ("delete", "title", None), controls=PERMITTED).code == SUCCESS
    assert root.modify(person, ("delete", "title", "x"), controls=PERMITTED).code == SUCCESS


def test_permissive_increment(root, person):
    """As slapd: what is not there becomes the amount."""
    quota = {"objectClass": ["inetOrgPerson", "zimbraAccount", "amavisAccount"], "cn": "q", "sn": "q", "uid": "q", "zimbraId": "permissive", "zimbraAccountStatus": "active"}
    dn = "cn=q," + person.split(",", 1)[1]
    assert root.add(dn, quota).code == SUCCESS
    assert root.modify(dn, ("increment", "zimbraMailQuota", "-5")).code == NO_SUCH_ATTRIBUTE
    assert root.modify(dn, ("increment", "zimbraMailQuota", "-5"), controls=PERMITTED).code == SUCCESS
    assert root.modify(dn, ("increment", "zimbraMailQuota", "7"), controls=PERMITTED).code == SUCCESS
    assert root.read(dn, ["zimbraMailQuota"]).only["zimbraMailQuota"] == [b"2"]


@pytest.mark.difference("values that are not there are passed over too, as Active Directory, whose control it is, has it")
def test_permissive_deletion_of_values(root, person):
    assert root.modify(person, ("delete", "description", ["absent", "compiler"]), controls=PERMITTED).code == SUCCESS
    assert root.read(person).only["description"] == [b"admiral"]


def test_permissive_modify_does_not_excuse_the_schema(root, person):
    assert root.modify(person, ("delete", "sn", None), controls=PERMITTED).code == 65
    assert root.modify(person, ("add", "description", ["x", "X"]), controls=PERMITTED).code == ATTRIBUTE_OR_VALUE_EXISTS


def test_permissive_modify_elsewhere(root, person):
    assert root.delete(person, controls=PERMITTED).code == UNAVAILABLE_CRITICAL_EXTENSION
    assert root.delete(person, controls=[control(PERMISSIVE, False)]).code == SUCCESS


# --- no-op ----------------------------------------------------------------------------------------------------------------

def test_no_operation(root, branch, person):
    before = sorted(root.search(branch, attributes=["*", "+"]).entries)
    assert root.modify(person, ("replace", "title", "x"), controls=NO_OP).code == NO_OPERATION_CODE
    assert root.rename(person, "cn=other", controls=NO_OP).code == NO_OPERATION_CODE
    assert root.delete(person, controls=NO_OP).code == NO_OPERATION_CODE
    assert root.add("cn=new," + branch, {"objectClass": "person", "cn": "new", "sn": "x"}, controls=NO_OP).code == NO_OPERATION_CODE
    assert sorted(root.search(branch, attributes=["*", "+"]).entries) == before


def test_no_operation_tells_what_would_fail(root, branch, person):
    assert root.modify(person, ("add", "description", "admiral"), controls=NO_OP).code == ATTRIBUTE_OR_VALUE_EXISTS
    assert root.add(person, {"objectClass": "person", "cn": "Grace Hopper", "sn": "x"}, controls=NO_OP).code == ENTRY_ALREADY_EXISTS
    assert root.delete("cn=absent," + branch, controls=NO_OP).code == NO_SUCH_OBJECT


@pytest.mark.muster
def test_no_operation_among_other_changes(root, branch, person):
    """What a no-op does is taken back alone."""
    messages = []
    for number in range(40):
        dn = f"cn=n{number},{branch}"
        entry = [("objectClass", [b"person"]), ("cn", [b"n%d" % number]), ("sn", [b"x"])]
        messages.append((number, root.connection.add_ext(dn, entry, serverctrls=NO_OP if number % 2 else None)))
    for number, message in messages:
        code = root._wait(lambda: message).code
        assert code == (NO_OPERATION_CODE if number % 2 else SUCCESS)
    assert len(root.search(branch, "one", "(sn=x)", ["1.1"]).entries) == 20


# --- relax ----------------------------------------------------------------------------------------------------------------

RELAXED = [control(RELAX, True)]


@pytest.mark.parametrize("attribute,value", [
    ("createTimestamp", "20010203040506Z"), ("modifyTimestamp", "20010203040506Z"), ("creatorsName", "cn=somebody"),
    ("modifiersName", "cn=somebody"), ("entryUUID", "11111111-2222-4333-8444-555555555555")])
def test_relaxed_operational_attributes(root, branch, person, attribute, value):
    assert root.modify(person, ("replace", attribute, value)).code == CONSTRAINT_VIOLATION
    assert root.modify(person, ("replace", attribute, value), controls=RELAXED).code == SUCCESS
    assert root.read(person, [attribute]).only[attribute] == [value.encode()]
    entry = {"objectClass": "person", "cn": "relaxed", "sn": "x", attribute: value}
    assert root.add("cn=relaxed," + branch, entry).code == CONSTRAINT_VIOLATION
    assert root.add("cn=relaxed," + branch, entry, controls=RELAXED).code == SUCCESS
    assert root.read("cn=relaxed," + branch, [attribute]).only[attribute] == [value.encode()]


def test_relaxed_structural_class(root, person):
    change = ("replace", "objectClass", ["person"])
    assert root.modify(person, change).code == OBJECT_CLASS_MODS_PROHIBITED
    assert root.modify(person, change, controls=RELAXED).code == SUCCESS
    entry = root.read(person, ["*", "structuralObjectClass"]).only
    assert entry["objectClass"] == [b"person"]


@pytest.mark.parametrize("attribute,value", [("entryDN", "cn=x"), ("hasSubordinates", "TRUE"), ("structuralObjectClass", "person")])
def test_not_even_relaxed(root, person, attribute, value):
    assert root.modify(person, ("replace", attribute, value), controls=RELAXED).code == CONSTRAINT_VIOLATION


def test_relax_is_not_for_everybody(user):
    result = user.modify(ADA, ("replace", "createTimestamp", "20010203040506Z"), controls=RELAXED)
    assert result.code in (INSUFFICIENT_ACCESS_RIGHTS, CONSTRAINT_VIOLATION)


# --- proxied authorization ------------------------------------------------------------------------------------------------

def test_rfc4370_root_acts_for_others(root, person):
    assert root.whoami(controls=proxy("dn:" + ADA)) == "dn:" + ADA
    assert root.modify(person, ("replace", "title", "x"), controls=proxy("dn:" + ADA)).code == INSUFFICIENT_ACCESS_RIGHTS
    assert root.read(person, controls=proxy("dn:" + ADA)).code == SUCCESS
    assert root.compare(person, "sn", "hopper", controls=proxy("dn:" + ADA)).code == COMPARE_TRUE
    # The next request has the client's own rights again.
    assert root.modify(person, ("replace", "title", "x")).code == SUCCESS


def test_rfc4370_nobodys_rights(root, person):
    assert root.whoami(controls=proxy("")) == ""
    assert root.whoami(controls=proxy("dn:")) == ""
    assert root.modify(person, ("replace", "title", "x"), controls=proxy("")).code in (8, INSUFFICIENT_ACCESS_RIGHTS)


def test_rfc4370_denied(user, anonymous, root):
    for name in (BOB, ROOT_DN, ADMIN_DN, "uid=absent," + PEOPLE):
        assert user.whoami(controls=proxy("dn:" + name)) == AUTHORIZATION_DENIED
        assert user.read(ADA, controls=proxy("dn:" + name)).code == AUTHORIZATION_DENIED
        assert user.modify(ADA, ("replace", "title", "x"), controls=proxy("dn:" + name)).code == AUTHORIZATION_DENIED
    assert anonymous.read(ADA, controls=proxy("dn:" + ADA)).code == AUTHORIZATION_DENIED
    assert root.whoami(controls=proxy("dn:nonsense")) == AUTHORIZATION_DENIED
    assert root.whoami(controls=proxy("nonsense")) == AUTHORIZATION_DENIED


def test_rfc4370_oneself(user):
    assert user.whoami(controls=proxy("dn:" + ADA)) == "dn:" + ADA


@pytest.mark.muster
def test_rfc4370_administrators(admin, root):
    """Who may set somebody's password may act for him, and for nobody above."""
    assert admin.whoami(controls=proxy("dn:" + ADA)) == "dn:" + ADA
    assert admin.whoami(controls=proxy("dn:" + ROOT_DN)) == AUTHORIZATION_DENIED
    assert admin.modify(BOB, ("replace", "title", "x"), controls=proxy("dn:" + ADA)).code == INSUFFICIENT_ACCESS_RIGHTS


def test_rfc4370_malformed(root):
    # Clients must say that it is critical (section 3); it is honoured in any case.
    assert root.whoami(controls=proxy("dn:" + ADA, critical=False)) == "dn:" + ADA
    assert root.read(ADA, controls=[control(PROXY, True)]).code == PROTOCOL_ERROR
    assert root.read(ADA, controls=proxy("dn:" + ADA) * 2).code == PROTOCOL_ERROR


@pytest.mark.muster
def test_rfc4370_password_modify(root, branch):
    dn = "uid=pw," + branch
    assert root.add(dn, {"objectClass": "inetOrgPerson", "uid": "pw", "cn": "pw", "sn": "pw", "userPassword": "x"}).code == SUCCESS
    value = wire.sequence(wire.tlv(0x82, b"proxied"))
    assert root.extended("1.3.6.1.4.1.4203.1.11.1", value, controls=proxy("dn:" + dn)).code == SUCCESS
    with Client(root.url, dn, "proxied") as client:
        assert client.whoami() == "dn:" + dn


# --- authorization identity -----------------------------------------------------------------------------------------------

@pytest.mark.muster
def test_rfc3829_authorization_identity(connect):
    for critical in (False, True):
        client = connect()
        result = client.bind(ADA, "lovelace", controls=[control(IDENTITY, critical)])
        answer, = result.controls
        assert result.code == SUCCESS and answer.controlType == IDENTITY_RESPONSE and answer.authzId == b"dn:" + ADA.encode()
    assert client.bind(ADA, "wrong", controls=[control(IDENTITY, True)]).controls == []
    assert client.bind(ADA, "lovelace", controls=[control(IDENTITY, True, b"x")]).code == PROTOCOL_ERROR


@pytest.mark.muster
def test_rfc3829_on_the_wire(server):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.bind(ADA, "lovelace"), wire.control(IDENTITY, True)))
        assert answer.code == 0 and b"dn:" + ADA.encode() in answer.data


# --- cancel, and what is refused ------------------------------------------------------------------------------------------

def test_rfc3909_cancel_of_nothing(user):
    value = wire.sequence(wire.integer(77))
    assert user.extended(CANCEL, value).code == NO_SUCH_OPERATION


@pytest.mark.muster
def test_rfc3909_malformed(user):
    for value in (None, b"", b"x", wire.sequence(wire.text("1")), wire.sequence(wire.integer(1), wire.integer(2))):
        assert user.extended(CANCEL, value).code == PROTOCOL_ERROR


def test_rfc3909_cancel_of_a_search(server):
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        connection.send(*[wire.message(10 + n, wire.search("", 2)) for n in range(4)],
                        wire.message(20, wire.extended(CANCEL, wire.sequence(wire.integer(13)))))
        codes = {}
        while len(codes) < 5:
            answer = connection.receive()
            if answer.tag in (0x65, 0x78):
                codes[answer.number] = answer.code
        assert codes[20] in (0, 119, 120)
        assert codes[13] == (118 if codes[20] == 0 else 0)
        assert all(codes[n] == 0 for n in (10, 11, 12))


@pytest.mark.muster
def test_rfc3909_a_search_ends_once(server):
    """Its result and a cancel meet at any moment: either the cancel succeeds and the search is `canceled`, or it comes too late and the search
    has its result."""
    seen = set()
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        for n in range(100, 900, 2):
            connection.send(wire.message(n, wire.search("", 2, size=n % 150)))
            time.sleep(n % 40 * 0.0001)
            connection.send(wire.message(n + 1, wire.extended(CANCEL, wire.sequence(wire.integer(n)))))
            codes = {}
            while len(codes) < 2:
                answer = connection.receive()
                if answer.tag in (0x65, 0x78):
                    assert answer.number not in codes
                    codes[answer.number] = answer.code
            assert (codes[n + 1] == 0) == (codes[n] == 118) and codes[n + 1] in (0, 119, 120), codes
            seen.add(codes[n + 1])
    assert seen >= {119}


@pytest.mark.parametrize("oid", ["1.3.6.1.4.1.1466.101.119.1", "1.3.6.1.1.19", "1.3.6.1.4.1.1466.20036"])
def test_dynamic_entries_and_turn_are_refused(root, oid):
    """RFC 2589 and RFC 4531: neither is supported, so the request's name is not known (RFC 4511 section 4.12)."""
    assert root.extended(oid, b"\x30\x00").code == PROTOCOL_ERROR
    extensions = root.read("", ["supportedExtension"]).only["supportedExtension"]
    assert oid.encode() not in extensions


@pytest.mark.muster
def test_root_dse_lists_the_controls(anonymous):
    supported = {v.decode() for v in anonymous.read("", ["supportedControl"]).only["supportedControl"]}
    assert {NO_OPERATION, "1.3.6.1.4.1.4203.1.10.2", PERMISSIVE, RELAX, PROXY, IDENTITY, "1.3.6.1.1.21.2"} <= supported
