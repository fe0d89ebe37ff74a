"""RFC 5805: updates that are made together, or not at all."""
import pytest

import wire
from client import (BUSY, ENTRY_ALREADY_EXISTS, NO_SUCH_OBJECT, PROTOCOL_ERROR, STRONGER_AUTH_REQUIRED, SUCCESS,
                    UNAVAILABLE_CRITICAL_EXTENSION, control)
from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

START, SPECIFICATION, END, ABORTED = (f"1.3.6.1.1.21.{n}" for n in (1, 2, 3, 4))
INVALID_IDENTIFIER = 0x4121
POST_READ = "1.3.6.1.1.13.2"


def entry(name):
    return {"objectClass": "person", "cn": name, "sn": name}


def finish(client, identifier, commit=True, controls=None):
    value = wire.sequence(*([] if commit else [wire.boolean(False)]), wire.text(identifier))
    return client.extended(END, value, controls=controls)


@pytest.fixture
def client(connect):
    return connect(ROOT_DN, ROOT_PASSWORD)


@pytest.fixture
def begun(client):
    result = client.extended(START)
    assert result.code == SUCCESS
    return result.value or b"", [control(SPECIFICATION, True, result.value or b"")]


def test_commit(client, begun, branch, person):
    identifier, member = begun
    assert client.add("cn=a," + branch, entry("a"), controls=member).code in (SUCCESS, 0x4120)
    assert client.modify("cn=a," + branch, ("add", "description", "in it"), controls=member).code in (SUCCESS, 0x4120)
    assert client.rename("cn=a," + branch, "cn=b", controls=member).code in (SUCCESS, 0x4120)
    assert client.delete(person, controls=member).code in (SUCCESS, 0x4120)
    # Nothing is seen before the end.
    assert client.read("cn=a," + branch).code == NO_SUCH_OBJECT and client.read(person).code == SUCCESS
    result = finish(client, identifier)
    assert result.code == SUCCESS and not result.value
    assert client.read("cn=b," + branch).only["description"] == [b"in it"]
    assert client.read(person).code == NO_SUCH_OBJECT


def test_abort(client, begun, branch):
    identifier, member = begun
    client.add("cn=a," + branch, entry("a"), controls=member)
    assert finish(client, identifier, commit=False).code == SUCCESS
    assert client.read("cn=a," + branch).code == NO_SUCH_OBJECT
    assert finish(client, identifier).code == INVALID_IDENTIFIER


def test_all_or_nothing(client, begun, branch, person):
    identifier, member = begun
    client.add("cn=a," + branch, entry("a"), controls=member)
    client.add(person, entry("Grace Hopper"), controls=member)
    client.add("cn=c," + branch, entry("c"), controls=member)
    result = finish(client, identifier)
    assert result.code == ENTRY_ALREADY_EXISTS
    assert client.search(branch, "one", attributes=["1.1"]).names == {person.lower()}


@pytest.mark.muster
def test_the_update_that_failed_is_named(server, branch, person):
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        identifier = connection.ask(wire.message(2, wire.extended(START)))
        assert identifier.code == 0
        member = wire.control(SPECIFICATION, True, b"1")
        assert connection.ask(wire.message(7, wire.delete(person), member)).code == 0
        assert connection.ask(wire.message(8, wire.delete("cn=absent," + branch), member)).code == 0
        # Each update has a number of its own.
        assert connection.ask(wire.message(8, wire.delete(person), member)).code == PROTOCOL_ERROR
        answer = connection.ask(wire.message(9, wire.extended(END, wire.sequence(wire.text("1")))))
        assert answer.code == NO_SUCH_OBJECT
        assert b"\x30\x03\x02\x01\x08" in answer.data


@pytest.mark.muster
def test_controls_of_updates_come_at_the_end(client, begun, branch):
    identifier, member = begun
    reads = member + [control(POST_READ, True, wire.sequence(wire.text("cn")))]
    assert client.add("cn=a," + branch, entry("a"), controls=reads).controls == []
    result = finish(client, identifier)
    assert result.code == SUCCESS and POST_READ.encode() in result.value and b"cn=a," in result.value


@pytest.mark.muster
def test_assertions_see_what_the_transaction_did(client, begun, branch):
    identifier, member = begun
    client.add("cn=a," + branch, entry("a"), controls=member)
    from ldap.controls import AssertionControl
    client.modify("cn=a," + branch, ("add", "title", "x"), controls=member + [AssertionControl(True, "(sn=other)")])
    assert finish(client, identifier).code == 122
    assert client.read("cn=a," + branch).code == NO_SUCH_OBJECT


def test_one_at_a_time(client, begun):
    assert client.extended(START).code == BUSY


@pytest.mark.muster
def test_bind_ends_it(client, begun, branch):
    identifier, member = begun
    client.add("cn=a," + branch, entry("a"), controls=member)
    assert client.bind(ROOT_DN, ROOT_PASSWORD).code == SUCCESS
    assert finish(client, identifier).code == INVALID_IDENTIFIER
    assert client.add("cn=a," + branch, entry("a"), controls=member).code == INVALID_IDENTIFIER
    assert client.read("cn=a," + branch).code == NO_SUCH_OBJECT


@pytest.mark.muster
def test_identifiers_of_others(client, begun, connect, branch):
    identifier, member = begun
    other = connect(ROOT_DN, ROOT_PASSWORD)
    assert other.add("cn=a," + branch, entry("a"), controls=member).code == INVALID_IDENTIFIER
    assert finish(other, identifier).code == INVALID_IDENTIFIER
    assert client.add("cn=a," + branch, entry("a"), controls=[control(SPECIFICATION, True, b"other")]).code == INVALID_IDENTIFIER


def test_malformed(client, begun, branch):
    identifier, _ = begun
    assert client.add("cn=a," + branch, entry("a"), controls=[control(SPECIFICATION, True)]).code == PROTOCOL_ERROR
    assert client.add("cn=a," + branch, entry("a"), controls=[control(SPECIFICATION, False, identifier)]).code == PROTOCOL_ERROR
    for value in (None, b"x", wire.sequence(), wire.text("1")):
        assert client.extended(END, value).code == PROTOCOL_ERROR
    assert client.extended(START, b"x").code == PROTOCOL_ERROR
    assert client.read("cn=a," + branch).code == NO_SUCH_OBJECT


@pytest.mark.muster
def test_searches_are_no_part_of_it(client, begun, branch):
    _, member = begun
    assert client.read(branch, controls=member).code == UNAVAILABLE_CRITICAL_EXTENSION


@pytest.mark.muster
def test_anonymous_clients(anonymous):
    assert anonymous.extended(START).code == STRONGER_AUTH_REQUIRED


@pytest.mark.muster
def test_rights_of_another(client, branch, person):
    """Section 4.4: proxied authorization belongs to the start."""
    ada = "dn:uid=ada," + PEOPLE
    proxy = control("2.16.840.1.113730.3.4.18", True, ada.encode())
    result = client.extended(START, controls=[proxy])
    member = [control(SPECIFICATION, True, result.value)]
    assert client.modify(person, ("replace", "title", "x"), controls=member + [proxy]).code == PROTOCOL_ERROR
    assert client.modify(person, ("replace", "title", "x"), controls=member).code == SUCCESS
    assert finish(client, result.value, controls=[proxy]).code == PROTOCOL_ERROR
    assert finish(client, result.value).code == 50


@pytest.mark.muster
def test_passwords(server, client, begun, branch, connect):
    identifier, member = begun
    dn = "uid=pw," + branch
    client.add(dn, {"objectClass": "inetOrgPerson", "uid": "pw", "cn": "pw", "sn": "pw", "userPassword": "old"})
    value = wire.sequence(wire.tlv(0x80, dn.encode()), wire.tlv(0x82, b"new"))
    assert client.extended("1.3.6.1.4.1.4203.1.11.1", value, controls=member).code == SUCCESS
    assert client.extended("1.3.6.1.4.1.4203.1.11.1", wire.sequence(wire.tlv(0x80, dn.encode())), controls=member).code == 53
    assert connect().bind(dn, "new").code == 49
    assert finish(client, identifier).code == SUCCESS
    assert connect().bind(dn, "new").code == SUCCESS


@pytest.mark.muster
def test_too_large(server, branch):
    """RFC 5805 section 3.3: the update is refused, a notice says that the transaction is void, and nothing of it stays."""
    with wire.Wire(server.address, timeout=60) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        assert connection.ask(wire.message(2, wire.extended(START))).code == 0
        member = wire.control(SPECIFICATION, True, b"1")
        for number in range(1000):
            request = wire.add(f"cn=n{number},{branch}", ("objectClass", ["person"]), ("cn", [f"n{number}"]), ("sn", ["x"]))
            assert connection.ask(wire.message(10 + number, request, member)).code == 0
        last = wire.message(5000, wire.delete("cn=n1," + branch), member)
        assert connection.ask(last).code == 11
        notice = connection.receive()
        assert notice.number == 0 and notice.code == 11 and ABORTED.encode() in notice.data
        assert connection.ask(wire.message(5001, wire.extended(END, wire.sequence(wire.text("1"))))).code == INVALID_IDENTIFIER


@pytest.mark.muster
def test_a_thousand_updates(server, root, branch):
    with wire.Wire(server.address, timeout=60) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        assert connection.ask(wire.message(2, wire.extended(START))).code == 0
        member = wire.control(SPECIFICATION, True, b"1")
        for number in range(500):
            request = wire.add(f"cn=n{number},{branch}", ("objectClass", ["person"]), ("cn", [f"n{number}"]), ("sn", ["x"]))
            assert connection.ask(wire.message(10 + number, request, member)).code == 0
        assert connection.ask(wire.message(5001, wire.extended(END, wire.sequence(wire.text("1"))))).code == SUCCESS
    assert len(root.search(branch, "one", attributes=["1.1"]).entries) == 500
