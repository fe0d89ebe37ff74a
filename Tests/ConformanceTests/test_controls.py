"""RFC 4511 section 4.1.11 (criticality), RFC 4528 (assertion), RFC 4527 (read entry), RFC 3296 (manage DSA IT),
real-attributes-only and virtual-attributes-only."""
import pytest
from ldap.controls import AssertionControl
from ldap.controls.readentry import PostReadControl, PreReadControl

import wire
from client import (ASSERTION_FAILED, COMPARE_TRUE, NO_SUCH_OBJECT, PROTOCOL_ERROR, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION,
                    control, lower_keys)
from conftest import PEOPLE

UNKNOWN = "1.3.6.1.4.1.55555.99.1"
ADA = "uid=ada," + PEOPLE
ASSERTION, PRE_READ, POST_READ = "1.3.6.1.1.12", "1.3.6.1.1.13.1", "1.3.6.1.1.13.2"
MANAGE_DSA_IT, REAL_ONLY, VIRTUAL_ONLY = "2.16.840.1.113730.3.4.2", "2.16.840.1.113730.3.4.17", "2.16.840.1.113730.3.4.19"


# --- unknown controls -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("operation", [
    lambda c, dn, ctrl: c.read(dn, controls=ctrl), lambda c, dn, ctrl: c.modify(dn, ("replace", "description", "changed"), controls=ctrl),
    lambda c, dn, ctrl: c.rename(dn, "cn=changed", controls=ctrl), lambda c, dn, ctrl: c.delete(dn, controls=ctrl),
    lambda c, dn, ctrl: c.add("cn=changed," + dn, {"objectClass": "person", "cn": "changed", "sn": "x"}, controls=ctrl),
    lambda c, dn, ctrl: c.compare(dn, "sn", "Hopper", controls=ctrl), lambda c, dn, ctrl: c.extended("1.3.6.1.4.1.4203.1.11.3", controls=ctrl)])
def test_unknown_critical_control(root, branch, person, operation):
    before = root.search(branch, attributes=["*", "+"]).entries
    assert operation(root, person, [control(UNKNOWN, True)]).code == UNAVAILABLE_CRITICAL_EXTENSION
    assert root.search(branch, attributes=["*", "+"]).entries == before


def test_unknown_critical_control_on_bind(connect):
    assert connect().bind(ADA, "lovelace", controls=[control(UNKNOWN, True)]).code == UNAVAILABLE_CRITICAL_EXTENSION


def test_unknown_control_that_is_not_critical(user):
    assert user.read(ADA, controls=[control(UNKNOWN, False), control(UNKNOWN + ".2", False, b"\0\1")]).code == SUCCESS
    assert user.compare(ADA, "sn", "Lovelace", controls=[control(UNKNOWN)]).code == COMPARE_TRUE


def test_critical_control_where_no_answer_is_possible(server):
    """RFC 4511 section 4.1.11: the criticality is ignored on abandon and unbind."""
    with wire.Wire(server.address) as connection:
        connection.send(wire.message(1, wire.abandon(77), wire.control(UNKNOWN, True)), wire.message(2, wire.search("", 0)))
        assert connection.receive().number == 2
        assert connection.receive().number == 2
        connection.send(wire.message(3, wire.unbind(), wire.control(UNKNOWN, True)))
        assert connection.receive() is None


@pytest.mark.parametrize("controls", [
    [wire.tlv(0x30)], [wire.sequence(wire.text("not an oid"), wire.boolean(True))], [wire.text("x")],
    [wire.sequence(wire.text(UNKNOWN), wire.integer(1), wire.integer(2))], [wire.tlv(0x30, b"\x04\x7f")]])
def test_malformed_controls(server, controls):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.search("", 0), *controls))
        assert answer is None or answer.tag == 0x64 or answer.code in (PROTOCOL_ERROR, UNAVAILABLE_CRITICAL_EXTENSION)


def test_the_same_control_twice(server):
    with wire.Wire(server.address) as connection:
        dsa = wire.control(MANAGE_DSA_IT, True)
        answer = connection.ask(wire.message(1, wire.search("", 0), dsa, dsa))
        assert answer is None or answer.tag == 0x64 or answer.code == PROTOCOL_ERROR


# --- assertion ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("filter,holds", [("(sn=hopper)", True), ("(sn=other)", False), ("(!(title=*))", True), ("(noSuchAttribute=x)", False)])
def test_rfc4528_assertion(root, person, filter, holds):
    asserting = [AssertionControl(True, filter)]
    expected = SUCCESS if holds else ASSERTION_FAILED
    assert root.modify(person, ("replace", "description", "asserted"), controls=asserting).code == expected
    assert root.compare(person, "sn", "Hopper", controls=asserting).code == (COMPARE_TRUE if holds else ASSERTION_FAILED)
    assert root.read(person, controls=asserting).code == expected
    assert root.rename(person, "cn=Grace Hopper", controls=asserting).code == expected
    assert root.delete(person, controls=asserting).code == expected
    assert root.read(person).code == (NO_SUCH_OBJECT if holds else SUCCESS)


def test_rfc4528_assertion_sees_the_entry_before_the_change(root, person):
    asserting = [AssertionControl(True, "(description=compiler)")]
    assert root.modify(person, ("replace", "description", "new"), controls=asserting).code == SUCCESS
    assert root.modify(person, ("replace", "description", "newer"), controls=asserting).code == ASSERTION_FAILED
    assert root.read(person, ["description"]).only == {"description": [b"new"]}


@pytest.mark.parametrize("value", [None, b"", b"\xa3\x03\x04\x01a", b"xyz"])
def test_rfc4528_malformed(server, value):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.search("", 0), wire.control(ASSERTION, True, value)))
        assert answer is None or answer.code == PROTOCOL_ERROR


# --- pre- and post-read --------------------------------------------------------------------------------------------------

def test_rfc4527_modify(root, person):
    result = root.modify(person, ("replace", "description", "after"), controls=[
        PreReadControl(True, ["description"]), PostReadControl(True, ["description", "modifiersName", "sn"])])
    assert result.code == SUCCESS
    before, after = result.control(PRE_READ), result.control(POST_READ)
    assert before.dn == after.dn == person
    assert sorted(before.entry["description"]) == [b"admiral", b"compiler"]
    assert after.entry == {"description": [b"after"], "modifiersName": [b"cn=config"], "sn": [b"Hopper"]}


def test_rfc4527_add(root, branch):
    dn = "cn=New," + branch
    result = root.add(dn, {"objectClass": "person", "cn": "New", "sn": "x"}, controls=[PostReadControl(True, ["*", "entryUUID"])])
    after = result.control(POST_READ)
    assert (after.dn, after.entry["sn"]) == (dn, [b"x"])
    assert after.entry["entryUUID"] == root.read(dn, ["entryUUID"]).only["entryUUID"]


def test_rfc4527_delete(root, person):
    result = root.delete(person, controls=[PreReadControl(True, ["cn"])])
    assert sorted(result.control(PRE_READ).entry["cn"]) == [b"Amazing Grace", b"Grace Hopper"]


def test_rfc4527_rename(root, branch, person):
    result = root.rename(person, "cn=New", controls=[PreReadControl(True, ["cn"]), PostReadControl(True, ["cn"])])
    assert result.control(PRE_READ).dn == person
    assert result.control(POST_READ).dn == "cn=New," + branch
    assert sorted(result.control(POST_READ).entry["cn"]) == [b"Amazing Grace", b"New"]


def test_rfc4527_nothing_when_the_operation_fails(root, person):
    result = root.modify(person, ("delete", "title", None), controls=[PreReadControl(True, ["cn"]), PostReadControl(True, ["cn"])])
    assert result.code == 16 and result.control(POST_READ) is None


# --- manage DSA IT ---------------------------------------------------------------------------------------------------------

def test_rfc3296_manage_dsa_it_is_accepted(root, person):
    dsa = [control(MANAGE_DSA_IT, True)]
    assert root.read(person, controls=dsa).code == SUCCESS
    assert root.modify(person, ("replace", "description", "x"), controls=dsa).code == SUCCESS
    assert root.compare(person, "description", "x", controls=dsa).code == COMPARE_TRUE
    assert root.rename(person, "cn=Renamed", controls=dsa).code == SUCCESS


def test_root_dse_lists_the_controls(anonymous):
    supported = {v.decode() for v in anonymous.read("", ["supportedControl"]).only["supportedControl"]}
    assert {"1.2.840.113556.1.4.319", MANAGE_DSA_IT, ASSERTION, PRE_READ, POST_READ} <= supported


@pytest.mark.muster
def test_root_dse_lists_ours(anonymous):
    supported = {v.decode() for v in anonymous.read("", ["supportedControl"]).only["supportedControl"]}
    assert {"1.2.840.113556.1.4.805", REAL_ONLY} <= supported


@pytest.mark.muster
def test_real_attributes_only(root, branch):
    """draft-… real attributes only: nothing that the server makes up."""
    dn = "cn=list," + branch
    root.add("uid=m," + branch, {"objectClass": "inetOrgPerson", "uid": "m", "cn": "m", "sn": "m"})
    root.add(dn, {"objectClass": "groupOfURLs", "cn": "list", "memberURL": f"ldap:///{branch}??sub?(uid=m)"})
    assert "member" in root.read(dn, ["*", "+"]).only
    real = lower_keys(root.read(dn, ["*", "+"], controls=[control(REAL_ONLY, True)]).only)
    assert "member" not in real
    assert not {"hassubordinates", "subschemasubentry", "entrydn"} & set(real)
    assert {"cn", "memberurl", "entryuuid"} <= set(real)
