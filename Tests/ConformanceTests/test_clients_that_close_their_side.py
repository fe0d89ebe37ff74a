"""A client that closes its side of the connection behind its last request (`nc -N`, a health check): what it has asked for is answered,
then the server closes. slapd abandons it."""
import os
import socket
import ssl
import time

import pytest

import wire
from certificates import Authority
from client import COMPARE_TRUE, NO_SUCH_OBJECT, SUCCESS
from servers import ROOT_DN, ROOT_PASSWORD
from test_persistent_search import persistent
from test_rfc4513_3_tls import Secured

pytestmark = pytest.mark.muster

ADDED = "cn=left behind,cn=zimbra"
ADD = wire.add(ADDED, ("objectClass", ["device"]), ("cn", ["left behind"]))
LOOK = wire.compare("cn=config,cn=zimbra", "cn", "config")
EVERYTHING = wire.search("", 2)
# Several, of which the first holds the others back while another thread compares the password; the last makes more than is sent at once.
REQUESTS = {
    "compare": [LOOK],
    "bind": [wire.bind(ROOT_DN, ROOT_PASSWORD)],
    "changes": [wire.bind(ROOT_DN, ROOT_PASSWORD), ADD, wire.delete(ADDED)],
    "many": [wire.bind(ROOT_DN, ROOT_PASSWORD), EVERYTHING, LOOK, ADD, wire.delete(ADDED), *[LOOK] * 100],
    "search": [wire.bind(ROOT_DN, ROOT_PASSWORD), EVERYTHING],
    "unbind": [LOOK, wire.unbind()],
}


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    server = Secured(tmp_path_factory.mktemp("closing"), authority).start()
    yield server
    assert server.alive()
    server.stop()


class Closing:
    """A connection whose client's side is closed without waiting; with or without TLS, which says farewell or not."""

    def __init__(self, server, how):
        self.how = how
        self.socket = socket.create_connection(server.address if how == "plain" else ("127.0.0.1", server.tls_port), 10)
        self.tls = None
        self.data = b""
        if how != "plain":
            context = server.context()
            if "1.2" in how:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
            while not self.attempt(self.tls.do_handshake):
                self.push()
                self.incoming.write(self.socket.recv(65536))
            self.push()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def attempt(what):
        try:
            what()
            return True
        except ssl.SSLWantReadError:
            return False

    def push(self):
        if data := self.outgoing.read():
            self.socket.sendall(data)

    def send_and_close(self, data):
        """In one piece, with the end of it."""
        if self.tls:
            self.tls.write(data)
            if "farewell" in self.how:
                self.attempt(self.tls.unwrap)
            data = self.outgoing.read()
        self.socket.sendall(data)
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self):
        """All answers up to the end that the server makes."""
        data = b""
        while more := self.socket.recv(65536):
            data += more
        if self.tls:
            self.incoming.write(data)
            data = b""
            try:
                while more := self.tls.read(1 << 20):
                    data += more
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                pass
        return [wire.Answer(contents) for _, contents in wire.elements(data)]


TRANSPORTS = ["plain", "TLS 1.3", "TLS 1.3 with farewell", "TLS 1.2", "TLS 1.2 with farewell"]


@pytest.mark.parametrize("others", [0, 6])
@pytest.mark.parametrize("how", TRANSPORTS)
@pytest.mark.parametrize("what", REQUESTS)
def test_what_was_asked_is_answered(secured, how, what, others):
    """Also where what has come waits for what has come to other connections."""
    beside = [socket.create_connection(secured.address) for _ in range(others)]
    seconds = []
    try:
        for _ in range(5):
            with Closing(secured, how) as connection:
                requests = REQUESTS[what]
                started = time.monotonic()
                connection.send_and_close(b"".join(wire.message(n, r) for n, r in enumerate(requests, 1)))
                answers = connection.receive()
                seconds.append(time.monotonic() - started)
            results = {a.number: a.code for a in answers if a.tag not in (0x64, 0x73)}
            # Who has not logged in sees nothing.
            seen = COMPARE_TRUE if requests[0][0] == 0x60 else NO_SUCH_OBJECT
            expected = {n: seen if r == LOOK else SUCCESS for n, r in enumerate(requests, 1) if r != wire.unbind()}
            assert results == expected
            assert all(r != EVERYTHING or sum(a.number == n for a in answers) > 50 for n, r in enumerate(requests, 1))
        assert min(seconds) < 1.5, "the server waits for a farewell that cannot come"
    finally:
        for one in beside:
            one.close()


@pytest.mark.parametrize("how", TRANSPORTS)
def test_a_part_of_a_request_ends_the_connection(secured, how):
    with Closing(secured, how) as connection:
        connection.send_and_close(wire.message(1, LOOK) + wire.message(2, LOOK)[:-1])
        assert [a.number for a in connection.receive()] == [1]


@pytest.mark.parametrize("how", TRANSPORTS)
def test_a_search_that_waits_for_changes_ends(secured, how):
    with Closing(secured, how) as connection:
        connection.send_and_close(wire.message(1, wire.bind(ROOT_DN, ROOT_PASSWORD)) + wire.message(2, wire.search("", 2), persistent()))
        assert [a.number for a in connection.receive()] == [1]


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_who_goes_in_the_handshake_is_let_go(secured, sent):
    with socket.create_connection(("127.0.0.1", secured.tls_port), 10) as connection:
        connection.settimeout(5)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1024):
            pass


def test_start_tls_is_the_last_word(secured):
    with wire.Wire(secured.address, 5) as connection:
        connection.send(wire.message(1, wire.extended("1.3.6.1.4.1.1466.20037")))
        connection.socket.shutdown(socket.SHUT_WR)
        assert [(a.number, a.code) for a in connection.drain()] == [(1, SUCCESS)]


@pytest.mark.parametrize("how", TRANSPORTS)
def test_nothing_is_left_of_clients_that_have_gone(secured, how):
    def descriptors():
        return len(os.listdir(f"/proc/{secured.process.pid}/fd"))

    with wire.Wire(secured.address) as beside:
        assert beside.ask(wire.message(1, LOOK)), "it is accepted"
        before = descriptors()
        for last in (b"", wire.message(1, LOOK), wire.message(1, wire.unbind()), wire.message(1, LOOK)[:-1]):
            for _ in range(10):
                with Closing(secured, how) as connection:
                    connection.send_and_close(last)
        deadline = time.monotonic() + 10
        while descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert descriptors() <= before
