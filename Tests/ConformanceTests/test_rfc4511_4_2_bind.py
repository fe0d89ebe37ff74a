"""RFC 4511 section 4.2 (bind), 4.3 (unbind), RFC 4513 section 5.1 (simple authentication), RFC 2307/3112 password schemes."""
import base64
import hashlib

import pytest

import wire
from client import (AUTH_METHOD_NOT_SUPPORTED, INVALID_CREDENTIALS, INVALID_DN_SYNTAX, PROTOCOL_ERROR, SUCCESS,
                    UNWILLING_TO_PERFORM, Client)
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD

ADA = "uid=ada,ou=conformance,dc=acme,dc=example"


def test_root_identity(connect):
    assert connect(ROOT_DN, ROOT_PASSWORD).whoami() == "dn:cn=config"


def test_administrator(connect):
    assert connect(ADMIN_DN, ADMIN_PASSWORD).whoami() == "dn:" + ADMIN_DN


def test_name_in_another_spelling(connect):
    client = connect()
    assert client.bind("UID = Ada , OU=Conformance,dc=ACME,  dc=example", "lovelace").code == SUCCESS
    assert client.whoami().lower().replace(" ", "") == "dn:" + ADA


@pytest.mark.parametrize("dn,password", [
    (ADA, "wrong"), (ADA, "Lovelace"), (ADA, "lovelace "), (ROOT_DN, "wrong"), (ADMIN_DN, "wrong"),
    ("uid=nobody,ou=conformance,dc=acme,dc=example", "x"),         # no such entry looks the same
    ("ou=conformance,dc=acme,dc=example", "x"),                    # an entry without password too
    ("uid=dieter,ou=conformance,dc=acme,dc=example", "x"), ("dc=nowhere", "x"), ("o=x,dc=nowhere", "x")])
def test_wrong_name_and_wrong_password_look_alike(connect, dn, password):
    result = connect().bind(dn, password)
    assert (result.code, result.matched, result.message) == (INVALID_CREDENTIALS, "", "")


def test_rfc4513_5_1_1_anonymous(connect):
    client = connect()
    assert client.bind("", "").code == SUCCESS
    assert client.whoami() == ""


def test_rfc4513_5_1_2_unauthenticated_is_refused(connect):
    client = connect()
    assert client.bind(ADA, "").code == UNWILLING_TO_PERFORM
    assert client.whoami() == ""


def test_password_without_name(connect):
    """An empty name with a password: slapd treats it as anonymous."""
    result = connect().bind("", "secret")
    assert result.code in (SUCCESS, INVALID_CREDENTIALS)


def test_failed_bind_leaves_anonymous(connect):
    client = connect(ADA, "lovelace")
    assert client.bind(ADA, "wrong").code == INVALID_CREDENTIALS
    assert client.whoami() == ""


def test_bind_again_as_somebody_else(connect):
    client = connect(ADA, "lovelace")
    assert client.bind(ROOT_DN, ROOT_PASSWORD).code == SUCCESS
    assert client.whoami() == "dn:cn=config"
    assert client.bind("", "").code == SUCCESS
    assert client.whoami() == ""


def test_invalid_name(connect):
    assert connect().bind("this is no name", "x").code == INVALID_DN_SYNTAX


@pytest.mark.parametrize("version", [0, 1, 2, 4, 127])
def test_other_versions(server, version):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.bind("", "", version)))
        assert (answer.tag, answer.code) == (0x61, PROTOCOL_ERROR)


def test_unknown_sasl_mechanism(server):
    request = wire.tlv(0x60, wire.integer(3), wire.text(""), wire.tlv(0xA3, wire.text("NO-SUCH-MECHANISM")))
    with wire.Wire(server.address) as connection:
        assert connection.ask(wire.message(1, request)).code == AUTH_METHOD_NOT_SUPPORTED


def test_unknown_authentication_choice(server):
    request = wire.tlv(0x60, wire.integer(3), wire.text(""), wire.text("x", 0x89))
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, request))
        assert answer is None or answer.code in (AUTH_METHOD_NOT_SUPPORTED, PROTOCOL_ERROR)


def test_unbind_closes_without_answer(server):
    with wire.Wire(server.address) as connection:
        connection.send(wire.message(1, wire.unbind()))
        assert connection.receive() is None


@pytest.mark.difference("slapd leaves what was pipelined behind a bind lying until more input arrives")
def test_requests_pipelined_behind_a_bind_see_its_outcome(server):
    """RFC 4511 section 4.2.1: nothing is processed until the bind is done."""
    with wire.Wire(server.address) as connection:
        connection.send(wire.message(1, wire.bind(ADA, "lovelace")), wire.message(2, wire.extended("1.3.6.1.4.1.4203.1.11.3")),
                        wire.message(3, wire.bind("", "")), wire.message(4, wire.extended("1.3.6.1.4.1.4203.1.11.3")))
        answers = [connection.receive() for _ in range(4)]
    assert [a.number for a in answers] == [1, 2, 3, 4]
    assert [a.code for a in answers] == [0, 0, 0, 0]
    assert ("dn:" + ADA).encode() in answers[1].contents
    assert b"dn:" not in answers[3].contents


SALT = b"\x01\x02salt\xff"


def salted(name, algorithm, password, salt=SALT):
    return "{%s}%s" % (name, base64.b64encode(hashlib.new(algorithm, password.encode() + salt).digest() + salt).decode())


@pytest.mark.parametrize("stored,good", [
    (salted("SSHA", "sha1", "pässword"), True), (salted("ssha", "sha1", "pässword"), True),
    (salted("SSHA256", "sha256", "pässword"), True), (salted("SSHA384", "sha384", "pässword"), True),
    (salted("SSHA512", "sha512", "pässword"), True), (salted("SSHA512", "sha512", "pässword", b"12345678" * 2), True),
    (salted("SHA", "sha1", "pässword", b""), True), ("pässword", True),
    (salted("SSHA", "sha1", "another"), False), (salted("SSHA512", "sha512", "another"), False),
    (salted("SSHA256", "sha1", "pässword"), False), ("{SSHA}", False), ("{SSHA}!!!!", False), ("{SSHA512}AAAA", False),
    ("{NOSUCHSCHEME}pässword", False), ("another", False)])
def test_password_schemes(root, connect, person, stored, good):
    assert root.modify(person, ("replace", "userPassword", stored)).code == SUCCESS
    assert connect().bind(person, "pässword").code == (SUCCESS if good else INVALID_CREDENTIALS)


def test_one_of_several_passwords(root, connect, person):
    root.modify(person, ("replace", "userPassword", [salted("SSHA", "sha1", "one"), "two", salted("SSHA512", "sha512", "three")]))
    for password in ("one", "two", "three"):
        assert connect().bind(person, password).code == SUCCESS
    assert connect().bind(person, "four").code == INVALID_CREDENTIALS


def test_ldapi(server):
    with Client(server.socket_url, ADA, "lovelace") as client:
        assert client.whoami() == "dn:" + ADA


def test_hundreds_of_binds_at_once(server):
    """Hashing never stands in the way of other connections."""
    import threading
    failures = []

    def run():
        with Client(server.url) as client:
            for _ in range(20):
                if client.bind(ADMIN_DN, ADMIN_PASSWORD).code != SUCCESS:
                    failures.append(1)

    threads = [threading.Thread(target=run) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
