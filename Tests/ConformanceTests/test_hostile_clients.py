"""Clients that mean no good, against a server with short patience: after each case a normal client is served within a bound, and the
server's memory is as it was. The requests are those that OpenLDAP's tools have sent (`corpus/`), and what becomes of them."""
import json
import pathlib
import random
import socket
import ssl
import threading
import time

import pytest

import wire
from certificates import Authority
from client import SUCCESS, Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster, muster_program

pytestmark = pytest.mark.muster
CORPUS = {path.stem: path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "corpus").glob("*.ber"))}
START_TLS = wire.message(1, wire.extended("1.3.6.1.4.1.1466.20037"))
BJORN = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
ANSWERS = {0x61, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x73, 0x78, 0x79}
# Seconds, on a busy machine; a debug build takes ten times as long for everything.
SERVED_WITHIN = 30 if "/debug/" in muster_program() else 5
MEMORY = 60_000                         # KiB that may stay: allocators keep some of what they had


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    shown = Authority(folder / "authority").issue("localhost", "127.0.0.1")
    (folder / "muster.json").write_text(json.dumps({
        "tls": {"certificate": str(shown.certificate), "key": str(shown.key)},
        "limits": {"slowReaderTimeout": 3, "slowSenderTimeout": 3, "handshakeTimeout": 3, "bindFailuresPerEntry": 0}}))
    server = Muster(folder / "server", ["--sample", "--config", str(folder / "muster.json"), "--listen", "ldaps://127.0.0.1:0"]).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(autouse=True)
def afterwards(hostile):
    """A normal client is served at once, and memory is back."""
    before = hostile.resident_kib()
    yield
    assert hostile.alive()
    started = time.monotonic()
    with Client(hostile.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.read(BJORN, ["uid"]).only["uid"] == [b"bjorn.aasen"]
    assert time.monotonic() - started < SERVED_WITHIN
    for _ in range(100):
        after = hostile.resident_kib()
        if after - before < MEMORY:
            return
        time.sleep(0.1)
    raise AssertionError(f"{after - before} KiB more than before")


def serve_others(hostile):
    """Somebody else, meanwhile."""
    started = time.monotonic()
    with Client(hostile.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.search("", "sub", "(zimbraMailDeliveryAddress=bjorn.aasen@example.com)", ["1.1"]).entries
    assert time.monotonic() - started < SERVED_WITHIN


def tls_port(hostile):
    return int(hostile.tls_url.rsplit(":", 1)[1].rstrip("/"))


def tls(hostile):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", tls_port(hostile)), 15))


def deliver(hostile, octets, patience=0.15):
    """Sends on a bound connection and reads what comes until it is silent; only whole, known answers may come."""
    with wire.Wire(hostile.address, patience) as connection:
        connection.socket.settimeout(10)
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        connection.socket.settimeout(patience)
        connection.send(octets)
        try:
            while (answer := connection.receive()) is not None:
                assert answer.tag in ANSWERS, octets.hex()
        except TimeoutError:
            pass


def mutate(octets, source):
    octets = bytearray(octets)
    for _ in range(source.randint(1, 3)):
        place, kind = source.randrange(len(octets)), source.randrange(5)
        if kind == 0:
            octets[place] ^= 1 << source.randrange(8)
        elif kind == 1:
            octets[place] = source.choice([0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF, source.randrange(256)])
        elif kind == 2:
            octets[place:place] = bytes(source.randrange(256) for _ in range(source.randint(1, 4)))
        elif kind == 3 and len(octets) > 4:
            del octets[place:place + source.randint(1, 4)]
        else:
            octets[place:place] = octets[place:place + 16]
    return bytes(octets)


def test_the_corpus_has_every_operation():
    tags = {wire.elements(wire.parse(octets)[1])[1][0] for octets in CORPUS.values()}
    assert tags == {0x60, 0x42, 0x63, 0x66, 0x68, 0x4A, 0x6C, 0x6E, 0x50, 0x77}


@pytest.mark.parametrize("name", CORPUS)
def test_mutated(hostile, name):
    source = random.Random(name)
    for _ in range(25):
        deliver(hostile, mutate(CORPUS[name], source), 0.05)


@pytest.mark.parametrize("name", [n for n in CORPUS if not n.startswith(("unbind", "abandon"))])
def test_truncated(hostile, name):
    """Cut anywhere: no answer, and a half request does not become a whole one when the client goes."""
    octets = CORPUS[name]
    connections = []
    for cut in range(1, len(octets), max(1, len(octets) // 12)):
        connection = wire.Wire(hostile.address, 5)
        connection.send(octets[:cut])
        connection.socket.shutdown(socket.SHUT_WR)
        connections.append(connection)
    for connection in connections:
        assert all(answer.number == 0 for answer in connection.drain()), "at most a notice"
        connection.socket.close()


@pytest.mark.parametrize("name", CORPUS)
def test_lengths_that_lie(hostile, name):
    """Each length in the request, one after the other, made longer than all that comes, or shorter."""
    octets = CORPUS[name]
    places, at = [], [2 if octets[1] < 0x80 else 2 + (octets[1] & 0x7F)]
    while at[0] < len(octets) - 1:
        places.append(at[0] + 1)
        tag, length = octets[at[0]], octets[at[0] + 1]
        at[0] += 2 if tag & 0x20 or length >= 0x80 else 2 + length
    for place in places[:40]:
        for lie in (0, 0x7F, 0x80, 0x84, 0xFF):
            deliver(hostile, octets[:place] + bytes([lie]) + octets[place + 1:], 0.03)


@pytest.mark.parametrize("tag", [0xA0, 0xA1, 0xA2])
def test_filters_nested_a_hundred_thousand_deep(hostile, tag):
    contents = wire.PRESENT
    parts = []
    size = len(contents)
    for _ in range(100_000):
        head = bytes([tag]) + wire.length(size)
        parts.append(head)
        size += len(head)
    filter = b"".join(reversed(parts)) + contents
    with wire.Wire(hostile.address, 30) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        answer = connection.ask(wire.message(2, wire.search("", 2, filter)))
        assert answer is None or answer.code != SUCCESS


def test_abandon_flood(hostile):
    """Of everything that runs, and of what never was."""
    floods = []

    def flood():
        with wire.Wire(hostile.address, 30) as connection:
            connection.bind(ROOT_DN, ROOT_PASSWORD)
            octets = [wire.message(10 + i, wire.search("", 2, wire.tlv(0xA2, wire.equality("sn", "x")), ["*", "+"]))
                      + b"".join(wire.message(100_000 + i * 50 + k, wire.abandon(10 + i - k)) for k in range(50)) for i in range(200)]
            # From another thread: who does not read meanwhile is cut off.
            sender = threading.Thread(target=connection.send, args=(*octets, wire.message(999_999, wire.search("", 0))))
            sender.start()
            while (answer := connection.receive()) is not None and not (answer.number == 999_999 and answer.tag == 0x65):
                pass
            sender.join()
            floods.append(answer)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    serve_others(hostile)
    for thread in threads:
        thread.join(60)
    assert len(floods) == 4 and all(floods)


@pytest.mark.parametrize("how", ["clear", "tls"])
def test_half_open_by_the_hundred(hostile, how):
    """They send a beginning and then nothing: each is cut off after its time, in clear and in a handshake."""
    address = hostile.address if how == "clear" else ("127.0.0.1", tls_port(hostile))
    octets = CORPUS["search-lookup"] if how == "clear" else b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100
    silent = [socket.create_connection(address) for _ in range(400)]
    for i, connection in enumerate(silent):
        connection.send(octets[:1 + i % (len(octets) - 1)])
    serve_others(hostile)
    until = time.monotonic() + 20
    for connection in silent:
        connection.settimeout(max(0.1, until - time.monotonic()))
        try:
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass
        connection.close()


def test_slow_senders_by_the_hundred(hostile):
    """An octet now and then does not buy more time."""
    slow = [socket.create_connection(hostile.address) for _ in range(200)]
    started, left = time.monotonic(), set(slow)
    octets = CORPUS["search-postfix"]
    for i in range(100):
        for connection in list(left):
            try:
                connection.send(octets[i:i + 1])
            except OSError:
                left.discard(connection)
        if not left or i >= len(octets) - 20:
            break
        if i % 10 == 0:
            serve_others(hostile)
        time.sleep(0.1)
    while left and time.monotonic() - started < 25:
        time.sleep(0.2)
        for connection in list(left):
            try:
                connection.settimeout(0.01)
                if connection.recv(10) == b"":
                    left.discard(connection)
            except TimeoutError:
                pass
            except OSError:
                left.discard(connection)
    assert not left
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("how", ["clear", "tls"])
def test_clients_that_never_read(hostile, how):
    """What waits for them is bounded, and they are cut off."""
    before = hostile.resident_kib()
    stuck = []
    for _ in range(12):
        connection = tls(hostile) if how == "tls" else socket.create_connection(hostile.address, 15)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(wire.message(1, wire.bind(ROOT_DN, ROOT_PASSWORD)))
        connection.settimeout(1)
        try:
            for i in range(2, 300):
                connection.send(wire.message(i, wire.search("", 2, attributes=["*", "+"])))
        except (TimeoutError, OSError):
            pass
        stuck.append(connection)
    serve_others(hostile)
    assert hostile.resident_kib() - before < 150_000
    with Client(hostile.url, ROOT_DN, ROOT_PASSWORD) as client:
        def cut_off():
            return int(client.read("cn=Slow Readers,cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0])
        until = time.monotonic() + 30
        first = cut_off()
        while (now := cut_off()) < max(12, first) and time.monotonic() < until:
            time.sleep(0.5)
        assert now >= 12
    for connection in stuck:
        connection.close()


def test_tls_renegotiation_and_reconnect_storm(hostile):
    """Handshakes by the hundred, most of which are left in the middle."""
    def storm():
        for i in range(60):
            try:
                if i % 3:
                    with socket.create_connection(("127.0.0.1", tls_port(hostile)), 10) as connection:
                        connection.send(b"\x16\x03\x01\x00\xa0\x01\x00\x00")
                else:
                    tls(hostile).close()
            except OSError:
                pass

    threads = [threading.Thread(target=storm) for _ in range(6)]
    for thread in threads:
        thread.start()
    serve_others(hostile)
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("behind", [CORPUS["modify-changes"], CORPUS["bind-root"], b"\x30", b"\x16\x03\x01", wire.message(2, wire.unbind())],
                         ids=["change", "bind", "beginning", "hello", "unbind"])
def test_start_tls_injection(hostile, behind):
    """What comes in the same packet as StartTLS, put there by somebody in between, is never carried out."""
    with Client(hostile.url, ROOT_DN, ROOT_PASSWORD) as client:
        modified = client.read(BJORN, ["entryCSN"]).only
        for _ in range(20):
            with wire.Wire(hostile.address, 10) as connection:
                connection.send(START_TLS + behind)
                answers = connection.drain()
                assert answers and answers[-1].number == 0 and answers[-1].code != SUCCESS, "a notice, and the end"
                assert all(answer.number != 1 or answer.code != SUCCESS for answer in answers)
        assert client.read(BJORN, ["entryCSN"]).only == modified


def test_binds_as_a_weapon(hostile):
    """Hundreds of expensive binds at once: others read meanwhile."""
    with Client(hostile.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.password(BJORN, None, "Correct-horse1").code == SUCCESS
    connections = [wire.Wire(hostile.address, 60) for _ in range(200)]
    for connection in connections:
        connection.send(wire.message(1, wire.bind(BJORN, "wrong")))
    serve_others(hostile)
    codes = {connection.receive().code for connection in connections}
    assert codes <= {49, 51}
    for connection in connections:
        connection.socket.close()
