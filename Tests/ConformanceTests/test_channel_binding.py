"""SCRAM-SHA-256-PLUS: an exchange tied to the TLS connection (RFC 5802 section 6, RFC 5929 section 4)."""
import base64
import hashlib
import hmac
import os
import socket
import ssl

import pytest

import wire
from certificates import Authority
from client import INVALID_CREDENTIALS, SUCCESS, Client
from servers import ROOT_DN, ROOT_PASSWORD
from test_rfc4513_3_tls import Secured

pytestmark = pytest.mark.muster
BJORN = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
PASSWORD = "Correct-horse1"
PLUS, PLAIN = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("binding")
    server = Secured(folder / "server", Authority(folder / "authority")).start()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
        assert root.modify(BJORN, ("replace", "userPassword", PASSWORD)).code == SUCCESS
    yield server
    server.stop()


def exchange(connection, mechanism, header, data=b"", password=PASSWORD):
    """Runs a whole exchange by hand; the last result code."""
    numbers = iter(range(1, 9))

    def bind(credentials):
        connection.sendall(wire.message(next(numbers), wire.tlv(0x60, wire.integer(3), wire.text(""), wire.tlv(
            0xA3, wire.text(mechanism), wire.text(credentials)))))
        received = b""
        while True:
            received += connection.recv(65536)
            try:
                return wire.Answer(wire.parse(received)[1])
            except IndexError:
                pass

    bare = b"n=bjorn.aasen@example.com,r=" + base64.b64encode(os.urandom(18))
    answer = bind(header + bare)
    if answer.code != 14:
        return answer.code
    challenge = next(value for tag, value in wire.elements(answer.contents) if tag == 0x87)
    nonce, salt, iterations = (part[2:] for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = b"c=" + base64.b64encode(header + data) + b",r=" + nonce
    signed = bare + b"," + challenge + b"," + final
    proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")))
    return bind(final + b",p=" + base64.b64encode(proof)).code


def end_point(connection):
    return hashlib.sha256(connection.getpeercert(binary_form=True)).digest()


def test_it_is_listed_where_there_is_tls(secured):
    with Client(secured.url) as client:
        assert PLUS.encode() in client.read("", ["supportedSASLMechanisms"]).only["supportedSASLMechanisms"]


@pytest.mark.parametrize("kind", [b"tls-server-end-point", b"ldap"])
def test_bound_to_the_certificate(secured, kind):
    """Under the registered name, and as OpenLDAP's library writes it."""
    prefix = b"" if kind != b"ldap" else b"tls-server-end-point:"
    with secured.wrapped() as connection:
        assert exchange(connection, PLUS, b"p=" + kind + b",,", prefix + end_point(connection)) == SUCCESS
    with secured.wrapped() as connection:
        assert exchange(connection, PLUS, b"p=" + kind + b",,", prefix + end_point(connection), "wrong") == INVALID_CREDENTIALS


def test_another_certificate_is_another_connection(secured):
    """As somebody in between would have."""
    with secured.wrapped() as connection:
        assert exchange(connection, PLUS, b"p=tls-server-end-point,,", hashlib.sha256(b"another").digest()) == INVALID_CREDENTIALS
    with secured.wrapped() as connection:
        assert exchange(connection, PLUS, b"p=tls-unique,,", b"x") == INVALID_CREDENTIALS, "unknown types"
    with secured.wrapped() as connection:
        assert exchange(connection, PLAIN, b"p=ldap,,", b"tls-server-end-point:" + hashlib.sha256(b"another").digest()) == INVALID_CREDENTIALS


def test_a_client_that_was_lied_to(secured):
    """`y`: it could bind the channel, and was told that the server cannot. Over TLS the server can."""
    with secured.wrapped() as connection:
        assert exchange(connection, PLAIN, b"y,,") == INVALID_CREDENTIALS
    with secured.wrapped() as connection:
        assert exchange(connection, PLAIN, b"n,,") == SUCCESS
    with wire.Wire(secured.address) as connection:
        assert exchange(connection.socket, PLAIN, b"y,,") == SUCCESS
    with wire.Wire(secured.address) as connection:
        assert exchange(connection.socket, PLUS, b"p=tls-server-end-point,,", b"x") == INVALID_CREDENTIALS, "no TLS, nothing to bind to"


@pytest.mark.parametrize("how", [["-H", "ldaps"], ["-ZZ", "-H", "ldap"]])
def test_openldap_client(secured, how):
    """It binds the channel under the name of the mechanism without."""
    url = secured.tls_url if how[-1] == "ldaps" else secured.url
    os.environ["LDAPSASL_CBINDING"] = "tls-endpoint"
    try:
        run = secured.tool("ldapwhoami", *how[:-1], url, "-Y", PLUS, "-U", "bjorn.aasen@example.com", "-w", PASSWORD)
    finally:
        del os.environ["LDAPSASL_CBINDING"]
    assert run.stdout.strip() == "dn:" + BJORN, run.stderr


def test_tls_versions(secured):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = secured.context()
        context.minimum_version = context.maximum_version = version
        with context.wrap_socket(socket.create_connection(("127.0.0.1", secured.tls_port), 10), server_hostname="localhost") as connection:
            assert exchange(connection, PLUS, b"p=tls-server-end-point,,", end_point(connection)) == SUCCESS
