"""What the outside may send: after each case the server lives, its memory is bounded and it answers others rightly."""
import random
import socket
import threading
import time

import pytest

import wire
from client import (ADMIN_LIMIT_EXCEEDED, INVALID_DN_SYNTAX, NO_SUCH_OBJECT, OTHER, PROTOCOL_ERROR, SUCCESS, UNWILLING_TO_PERFORM, Client)
from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

DISCONNECTION = b"1.3.6.1.4.1.1466.20036"


def brief(value):
    """A short name of a long parameter."""
    return repr(value)[:40]


SEARCH = wire.message(7, wire.search("", 0, attributes=["1.1"]))


@pytest.fixture(autouse=True)
def answers_others(server):
    """Somebody else is served during and after each case."""
    yield
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.search(PEOPLE, "one", "(uid=ada)", ["cn"]).only["cn"][0] == b"Ada Lovelace"
    assert server.resident_kib() < 600_000


LAST = 2**31 - 2


def outcome(server, *octets, bound=False, patience=10, expect=None, timeout=30):
    """Sends, and gives all answers until each request has its final one or the connection ends; then the connection, if it still
    stands, must serve one more request. After `patience` seconds of silence the sending half is closed: the octets were but the
    beginning of something."""
    left = len(octets) if expect is None else expect
    with wire.Wire(server.address, patience) as connection:
        if bound:
            connection.bind(ROOT_DN, ROOT_PASSWORD)
        connection.send(*octets)
        answers = []
        while True:
            if left == 0:
                left = -1
                connection.send(wire.message(LAST, wire.search("", 0, attributes=["1.1"])))
            try:
                answer = connection.receive()
            except TimeoutError:
                assert connection.socket.gettimeout() == patience, "neither an answer nor the end"
                connection.socket.settimeout(timeout + patience)
                connection.socket.shutdown(socket.SHUT_WR)
                continue
            if answer is None or answer.number == LAST and answer.tag == 0x65:
                break
            if answer.number != LAST:
                answers.append(answer)
                left -= answer.tag not in (0x64, 0x73, 0x79)
        return answers


def refused(answers):
    """Closed without a word, with a notice of disconnection, or with a refusal of the one request."""
    if not answers:
        return True
    last = answers[-1]
    if last.number == 0:
        return last.tag == 0x78 and DISCONNECTION in last.contents and last.code in (PROTOCOL_ERROR, UNWILLING_TO_PERFORM, 52)
    return last.tag not in (0x64, 0x73) and last.code != SUCCESS


# --- 1. PDUs ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("octets", [
    b"\x00", b"\x30", b"\x30\x00", b"\x30\x80", b"\x30\x80\x02\x01\x01\x42\x00\x00\x00", b"\x30\x85\x01\x00\x00\x00\x05\x02\x01\x01\x42\x00",
    b"\x30\x84\xff\xff\xff\xff", b"\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x30\xff" + b"\x00" * 127, b"\x31\x05\x02\x01\x01\x42\x00",
    b"\x3f\x81\x00\x05\x02\x01\x01\x42\x00", b"\x24\x05\x04\x03abc", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x30\x05\x02\x01\x01\x7f\x00", b"\x30\x03\x02\x01\x01", b"\x30\x05\x04\x01\x01\x42\x00", b"\x30\x04\x02\x00\x42\x00",
    b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x7f\x80\x00", b"\x30\x06\x02\x01\x01\x63\x01\x00", b"\x30\x05\x02\x01\x01\x63\x00",
    b"\x30\x05\x02\x01\x01\x6e\x00", b"\x30\x05\x02\x01\x01\x66\x00", b"\x30\x05\x02\x01\x01\x68\x00", b"\x30\x05\x02\x01\x01\x6c\x00",
    b"\x30\x05\x02\x01\x01\x77\x00", b"\x30\x05\x02\x01\x01\x61\x00", b"\x30\x05\x02\x01\x01\x64\x00", b"\x30\x05\x02\x01\x01\x5f\x00",
    wire.message(1, wire.search("", 0)[:-1]), bytes(range(64, 128)), b"\xff" * 300], ids=brief)
def test_1_broken_pdus(server, octets):
    assert refused(outcome(server, octets, patience=0.3))


@pytest.mark.parametrize("padding", [b"\x81", b"\x82\x00", b"\x83\x00\x00", b"\x84\x00\x00\x00"])
def test_1_lengths_that_are_not_minimal(server, padding):
    """BER allows them, and clients send them (Windows' always takes four octets)."""
    body = wire.message(1, wire.search("", 0, attributes=["1.1"]))[2:]
    answers = outcome(server, b"\x30" + padding + bytes([len(body)]) + body)
    assert [a.tag for a in answers] == [0x64, 0x65]


def test_1_longer_than_allowed_for_anonymous_clients(server):
    assert refused(outcome(server, b"\x30\x84\x00\x80\x00\x00", b"\x00" * 500_000, patience=1))


def test_1_longer_than_allowed_for_anybody(server):
    assert refused(outcome(server, b"\x30\x84\x40\x00\x00\x00", b"\x00" * 500_000, bound=True, patience=1))


def test_1_a_large_request_of_a_bound_client(server):
    answers = outcome(server, wire.message(2, wire.search(PEOPLE, 0, wire.equality("description", "x" * 2_000_000))), bound=True)
    assert (answers[-1].tag, answers[-1].code) == (0x65, SUCCESS)


def test_1_one_octet_at_a_time(server):
    with wire.Wire(server.address) as connection:
        for i in range(len(SEARCH)):
            connection.send(SEARCH[i:i + 1])
            time.sleep(0.001)
        assert [connection.receive().tag, connection.receive().tag] == [0x64, 0x65]


def test_1_requests_cut_anywhere(server):
    stream = b"".join(wire.message(i, wire.search("", 0, attributes=["1.1"])) for i in range(1, 91))
    cuts = random.Random(5)
    with wire.Wire(server.address) as connection:
        at = 0
        while at < len(stream):
            n = cuts.choice([1, 2, 3, 7, 100, 1000])
            connection.send(stream[at:at + n])
            at += n
        assert sorted(connection.receive().number for _ in range(180)) == [i for i in range(1, 91) for _ in (0, 1)]


@pytest.mark.difference("slapd drops what it has not answered yet when octets cannot be decoded")
def test_1_good_requests_before_a_broken_one_are_answered(server):
    answers = outcome(server, SEARCH, SEARCH.replace(b"\x07", b"\x08", 1), b"\x30\x84\xff\xff\xff\xff")
    assert [a.tag for a in answers[:4]] == [0x64, 0x65, 0x64, 0x65]
    assert len(answers) <= 5


def test_1_mutations_of_good_requests(server):
    """Bit flips, cuts, insertions: an answer or the end of the connection, never more."""
    source = random.Random(11)
    good = [wire.bind("uid=ada," + PEOPLE, "lovelace"), wire.search(PEOPLE, 2, wire.tlv(0xA0, wire.equality("uid", "ada"), wire.PRESENT), ["cn", "*"]),
            wire.compare(PEOPLE, "ou", "x"), wire.modify("cn=x", (0, "a", ["b"])), wire.add("cn=x", ("cn", ["x"])), wire.modify_dn("cn=x", "cn=y", True, "dc=z"),
            wire.delete("cn=x"), wire.extended("1.3.6.1.4.1.4203.1.11.1", wire.sequence(wire.text("x", 0x80))), wire.abandon(3), wire.extended("1.3.6.1.4.1.4203.1.11.3")]
    for round in range(300):
        octets = bytearray(wire.message(round + 1, source.choice(good), *([wire.control("1.2.840.113556.1.4.319", False, wire.sequence(wire.integer(2), wire.text("")))] if round % 3 == 0 else [])))
        for _ in range(source.randint(1, 4)):
            i, kind = source.randrange(len(octets)), source.randrange(4)
            if kind == 0:
                octets[i] ^= 1 << source.randrange(8)
            elif kind == 1:
                octets[i] = source.randrange(256)
            elif kind == 2:
                octets.insert(i, source.randrange(256))
            elif len(octets) > 1:
                del octets[i]
        for answer in outcome(server, bytes(octets), patience=0.05):
            assert answer.tag in (0x61, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78, 0x79), octets.hex()


@pytest.mark.parametrize("request_octets", [
    wire.sequence(wire.integer(1), wire.search("", 0), wire.text("tail")),
    wire.sequence(wire.integer(1), wire.search("", 0), wire.tlv(0xA0), wire.text("tail")),
    wire.message(1, wire.tlv(0x63, wire.parse(wire.search("", 0))[1], wire.text("tail"))),
    wire.message(1, wire.tlv(0x60, wire.integer(3), wire.text(""), wire.text("", 0x80), wire.text("tail"))),
    wire.message(1, wire.tlv(0x6E, wire.text("cn=x"), wire.sequence(wire.text("cn"), wire.text("x"), wire.text("y")))),
    wire.message(1, wire.tlv(0x6C, wire.text("cn=x"), wire.text("cn=y"), wire.boolean(True), wire.text("z", 0x80), wire.text("tail")))], ids=brief)
def test_1_trailing_octets_in_sequences(server, request_octets):
    """Ignored or refused; the next request on another connection sees nothing of it."""
    for answer in outcome(server, request_octets, patience=1):
        assert answer.tag in (0x61, 0x64, 0x65, 0x6D, 0x6F, 0x78)


# --- 2. connections -----------------------------------------------------------------------------------------------------------

def test_2_half_open_and_silent(server):
    silent = [socket.create_connection(server.address) for _ in range(300)]
    for i, s in enumerate(silent):
        s.send(SEARCH[:i % len(SEARCH)])
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.whoami() == "dn:cn=config"
    for s in silent:
        s.close()


def test_2_reconnect_storm(server):
    for _ in range(1500):
        with socket.create_connection(server.address) as s:
            s.send(SEARCH)


def test_2_reset_in_the_middle(server):
    import struct
    for _ in range(200):
        s = socket.create_connection(server.address)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.send(wire.message(1, wire.bind(ROOT_DN, ROOT_PASSWORD)) + b"".join(wire.message(i, wire.search("", 2)) for i in range(2, 6)))
        s.close()


@pytest.mark.difference("slapd's threads wait for clients that do not read until none is left")
def test_2_a_client_that_never_reads(server):
    """What is waiting for it stays bounded; others are served meanwhile."""
    before = server.resident_kib()
    slow = []
    for _ in range(8):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(server.address)
        s.send(wire.message(1, wire.bind(ROOT_DN, ROOT_PASSWORD)))
        s.settimeout(1)
        try:
            for i in range(2, 200):
                s.send(wire.message(i, wire.search("", 2, attributes=["*", "+"])))
        except (socket.timeout, BrokenPipeError, ConnectionResetError):
            pass
        slow.append(s)
    time.sleep(1)
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        started = time.monotonic()
        assert client.search(PEOPLE, "one", "(uid=bob)").names
        assert time.monotonic() - started < 5
    assert server.resident_kib() - before < 200_000
    for s in slow:
        s.close()


# --- 3. message ids ---------------------------------------------------------------------------------------------------------

@pytest.mark.difference("slapd leaves such a connection open without an answer")
@pytest.mark.parametrize("number", [b"\x02\x01\x00", b"\x02\x01\xff", b"\x02\x05\x00\x80\x00\x00\x00", b"\x02\x09\x01" + b"\x00" * 8, b"\x02\x00", b"\x02\x81\x01\x07"])
def test_3_message_ids_out_of_range(server, number):
    for answer in outcome(server, wire.message(number, wire.search("", 0)), patience=1):
        assert answer.tag in (0x64, 0x65, 0x78)


def test_3_the_largest_message_id(server):
    assert [a.number for a in outcome(server, wire.message(2**31 - 1, wire.search("", 0)))] == [2**31 - 1] * 2


def test_3_repeated_message_ids(server):
    answers = outcome(server, *[SEARCH] * 20)
    assert [a.number for a in answers if a.tag == 0x65] == [7] * 20 or refused(answers)


@pytest.mark.muster
def test_3_a_long_pipeline(server):
    """Twenty thousand requests sent ahead: taken at the server's pace, answered in order, memory bounded."""
    count = 20_000
    with wire.Wire(server.address, 60) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        data = b"".join(wire.message(2 + i, wire.search("uid=ada," + PEOPLE, 0, attributes=["1.1"])) for i in range(count))
        sender = threading.Thread(target=connection.send, args=(data,))
        sender.start()
        done = 0
        while done < count:
            answer = connection.receive()
            assert answer is not None, done
            done += answer.tag == 0x65
        sender.join()


@pytest.mark.muster
def test_3_a_million_requests_sent_ahead(server):
    """By a client that reads only after a while: what waits stays in its socket, not in the server's memory."""
    count, first = 1_000_000, 0x0100_0000                # numbers of four octets: every answer has the same length
    contents = wire.extended("1.3.6.1.4.1.4203.1.11.3")
    head, tail = wire.message(first, contents)[:4], wire.message(first, contents)[8:]
    before = server.resident_kib()
    with wire.Wire(server.address, 60) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        data = b"".join(head + (first + i).to_bytes(4, "big") + tail for i in range(count))
        sender = threading.Thread(target=connection.send, args=(data,))
        sender.start()
        time.sleep(2)
        assert server.resident_kib() - before < 100_000
        number, received = 0, bytearray()
        while number < count:
            more = connection.socket.recv(1 << 20)
            assert more, number
            received += more
            size = 2 + received[1]
            whole = len(received) // size
            for i in range(whole):
                assert int.from_bytes(received[i * size + 4:i * size + 8], "big") == first + number + i
            number += whole
            del received[:whole * size]
        sender.join()
        assert not received
    assert server.resident_kib() - before < 100_000


def test_3_abandon_and_cancel_storm(server):
    """Of requests that run, that are done and that never were; each search still ends, or is abandoned without a word."""
    octets = []
    for i in range(2000):
        octets.append(wire.message(10 + 4 * i, wire.search(PEOPLE, 2, wire.equality("uid", "ada"), ["1.1"])))
        octets.append(wire.message(11 + 4 * i, wire.abandon(10 + 4 * i)))
        octets.append(wire.message(12 + 4 * i, wire.extended("1.3.6.1.1.8", wire.sequence(wire.integer(10 + 4 * i)))))
        octets.append(wire.message(13 + 4 * i, wire.abandon(1_000_000 + i)))
    with wire.Wire(server.address, 60) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        sender = threading.Thread(target=connection.send, args=(*octets, wire.message(LAST, wire.search("", 0, attributes=["1.1"]))))
        sender.start()
        seen = set()
        while (answer := connection.receive()).number != LAST or answer.tag != 0x65:
            assert answer.tag in (0x64, 0x65, 0x78), answer
            if answer.tag != 0x64:
                assert answer.number not in seen, "answered once"
                seen.add(answer.number)
        sender.join()
        assert {12 + 4 * i for i in range(2000)} <= seen


def test_3_unbind_in_the_middle_of_searches(server):
    for _ in range(50):
        outcome(server, *[wire.message(i, wire.search("", 2)) for i in range(2, 10)], wire.message(99, wire.unbind()), SEARCH, bound=True, expect=100)


# --- 4. filters ---------------------------------------------------------------------------------------------------------------

def nested(depth, tag=0xA2):
    """A filter nested so deep that only lengths are left of it."""
    header, out = [], wire.PRESENT
    size = len(out)
    parts = []
    for _ in range(depth):
        head = bytes([tag]) + wire.length(size)
        parts.append(head)
        size += len(head)
    return b"".join(reversed(parts)) + out


@pytest.mark.parametrize("depth", [1000, 50_000, 1_000_000])
@pytest.mark.parametrize("tag", [0xA0, 0xA1, 0xA2])
def test_4_depth(server, depth, tag):
    answers = outcome(server, wire.message(2, wire.search("", 0, nested(depth, tag))), bound=True, timeout=60)
    assert answers == [] or answers[-1].tag in (0x65, 0x78)


@pytest.mark.parametrize("filter", [
    wire.tlv(0xA1, *[wire.equality("uid", f"n{i}") for i in range(100_000)]), wire.tlv(0xA0, *[wire.PRESENT] * 100_000),
    wire.tlv(0xA4, wire.text("cn"), wire.sequence(*[wire.text("a", 0x81)] * 10_000)), wire.tlv(0xA0, *[wire.tlv(0xA1)] * 50_000),
    wire.tlv(0xA1, *[wire.equality(f"unknown{i}", "x") for i in range(100_000)]), wire.tlv(0xA1, *[wire.text(f"cn;x-{i}", 0x87) for i in range(100_000)]),
    wire.tlv(0xA1, *[wire.tlv(0xA9, wire.text("caseIgnoreMatch", 0x81), wire.text(f"x{i}", 0x83), wire.boolean(True, 0x84)) for i in range(3_000)]),
    wire.tlv(0xA1, *[wire.tlv(0xA9, wire.text(f"rule{i}", 0x81), wire.text("cn", 0x82), wire.text("x", 0x83)) for i in range(100_000)])], ids=brief)
def test_4_width(server, filter):
    answers = outcome(server, wire.message(2, wire.search(PEOPLE, 2, filter)), bound=True, timeout=60)
    assert answers == [] or answers[-1].tag in (0x65, 0x78)


# --- 5. names -------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [
    ",".join(f"dc={i}" for i in range(10_000)), "+".join(f"cn={i}" for i in range(5_000)), "cn=" + "x" * 1_000_000, "cn=x\\", "cn=\\", "cn=\\f",
    b"cn=\xff\xfe", b"cn=\xed\xa0\x80", b"cn=\xc0\xaf", "cn=a\0b", "cn=" + "İ" * 100_000, "cn=" + "\ufdfa" * 50_000, "," * 100_000, "=" * 10_000,
    "cn=" + "\\2c" * 100_000, 'cn="' + "a" * 1000, "cn=#", "cn=#zz", "cn=#0403", "cn=#04ff616263", "1." * 10_000 + "1=x"], ids=brief)
def test_5_names(server, name):
    for operation in (wire.search(name, 0), wire.delete(name), wire.compare(name, "cn", "x"), wire.modify_dn(PEOPLE, name), wire.modify_dn("cn=nobody", "cn=x", True, name),
                      wire.search(PEOPLE, 0, wire.equality("seeAlso", name))):
        answers = outcome(server, wire.message(2, operation), bound=True)
        assert answers, "an answer, not the end"
        if operation[0] != 0x63:
            assert answers[-1].code != SUCCESS


# --- 6. attribute lists ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("attributes", [
    ["cn"] * 100_000, [f"a{i}" for i in range(50_000)], ["cn;" + ";".join(f"x-{i}" for i in range(10_000))], ["1.1", "*", "+"] * 1000, ["", ";", "cn;", "@", "@@", "\0", "x" * 100_000],
    [";lang-en"], ["1.1.1.1.1.1.1"], ["*;lang-en"]], ids=brief)
def test_6_attribute_lists(server, attributes):
    answers = outcome(server, wire.message(2, wire.search("uid=ada," + PEOPLE, 0, attributes=attributes)), bound=True)
    assert answers[-1].tag in (0x65, 0x78)


# --- 7. values ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value", ["", "\0", " ", "   ", "\u3000", "\u00ad", "\ufeff", "x" * 5_000_000, b"\xff" * 1000, "\u0345" * 10_000, "a" + "\u0301" * 50_000], ids=brief)
def test_7_values(server, root, branch, value):
    for attribute in ("description", "telephoneNumber", "seeAlso", "zimbraMailQuota", "jpegPhoto", "mail", "zimbraCreateTimestamp", "objectClass", "entryUUID"):
        answers = outcome(server, wire.message(2, wire.modify(branch, (2, attribute, [value]))), bound=True, timeout=60)
        assert answers[-1].tag == 0x67
    for filter in (wire.equality("description", value), wire.tlv(0xA5, wire.text("uid"), wire.text(value)), wire.tlv(0xA4, wire.text("cn"), wire.sequence(wire.text(value, 0x81)))):
        answers = outcome(server, wire.message(2, wire.search(PEOPLE, 2, filter)), bound=True)
        assert answers[-1].tag == 0x65
    assert root.modify(branch, ("replace", "description", None)).code == SUCCESS


@pytest.mark.parametrize("count", [50_000, 1_000_000])
def test_7_many_values(server, root, branch, count):
    values = [f"{i}" for i in range(count)]
    answers = outcome(server, wire.message(2, wire.modify(branch, (0, "description", values))), bound=True, timeout=60)
    assert answers[-1].code in (SUCCESS, ADMIN_LIMIT_EXCEEDED, UNWILLING_TO_PERFORM)
    if answers[-1].code == SUCCESS:
        assert root.compare(branch, "description", f"{count - 1}").code == 6
        assert root.modify(branch, ("delete", "description", None)).code == SUCCESS


@pytest.mark.parametrize("stamp", ["20161231235960Z", "20161231235961Z", "00000101000000Z", "99991231235959Z", "20200101000000-9999", "20200101000000." + "9" * 1000 + "Z"], ids=brief)
def test_7_times(root, stamp):
    result = root.search(PEOPLE, filter=f"(zimbraCreateTimestamp>={stamp})", attributes=["1.1"])
    assert result.code == SUCCESS


# --- 8. controls -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("controls", [
    [wire.control(f"1.2.3.{i}", False) for i in range(500)], [wire.control("2.16.840.1.113730.3.4.2", False)] * 200,
    [wire.control("1.2.840.113556.1.4.319", True, wire.sequence(wire.integer(5), wire.text("")))] * 2, [wire.control("1." * 5000 + "1", False)],
    [wire.control("", True)], [wire.control("1.3.6.1.1.12", True, nested(5000))], [wire.control("1.3.6.1.1.13.1", True, wire.sequence(*[wire.text("cn")] * 20_000))],
    [wire.control("1.2.840.113556.1.4.805", True)], [wire.control("1.3.6.1.4.1.4203.1.9.1.1", False, b"\x30\x7f")]], ids=brief)
@pytest.mark.parametrize("operation", [wire.search(PEOPLE, 0), wire.abandon(5), wire.bind("", ""), wire.extended("1.3.6.1.4.1.4203.1.11.3"), wire.compare(PEOPLE, "ou", "x")], ids=brief)
def test_8_controls(server, controls, operation):
    for answer in outcome(server, wire.message(2, operation, *controls), bound=True, expect=int(operation[0] != 0x50)):
        assert answer.tag in (0x61, 0x64, 0x65, 0x6F, 0x78)


def test_8_controls_on_unbind(server):
    for controls in ([wire.control("1.2.3.4", True)], [wire.control("1.2.840.113556.1.4.319", True, b"\x30\x7f")], [wire.control("2.16.840.1.113730.3.4.2", True)] * 100):
        with wire.Wire(server.address) as connection:
            connection.bind(ROOT_DN, ROOT_PASSWORD)
            connection.send(wire.message(2, wire.unbind(), *controls))
            assert all(answer.number == 0 for answer in connection.drain())


# --- 9. and 10. modify and modify DN ------------------------------------------------------------------------------------------

def test_9_add_delete_replace_in_sequence(root, person):
    changes = []
    for i in range(500):
        changes += [("add", "title", f"t{i}"), ("replace", "title", [f"t{i}", f"u{i}"]), ("delete", "title", None)]
    assert root.modify(person, *changes).code == SUCCESS
    assert "title" not in root.read(person).only


@pytest.mark.parametrize("start,step", [("9223372036854775807", "1"), ("-9223372036854775808", "-1"), ("0", "9" * 40), ("9" * 40, "1"), ("5", "x"), ("5", "")])
def test_9_increment_past_the_range(root, branch, start, step):
    dn = "uid=i," + branch
    root.add(dn, {"objectClass": ["inetOrgPerson", "zimbraAccount"], "uid": "i", "cn": "i", "sn": "i", "zimbraId": "increment",
                  "zimbraAccountStatus": "active", "zimbraMailQuota": start})
    root.modify(dn, ("increment", "zimbraMailQuota", step))
    after = root.read(dn, ["zimbraMailQuota"]).only["zimbraMailQuota"]
    assert len(after) == 1 and after[0].lstrip(b"-").isdigit()


def test_10_rename_storm(root, branch):
    dn = "ou=a," + branch
    root.add(dn, {"objectClass": "organizationalUnit", "ou": "a"})
    for i in range(20):
        root.add(f"cn={i},{dn}", {"objectClass": "person", "cn": str(i), "sn": "x"})
    for i in range(100):
        new = f"ou={'ABCab'[i % 5]}"
        assert root.rename(dn, new).code == SUCCESS
        dn = f"{new},{branch}"
    assert len(root.search(dn, "one").entries) == 20
