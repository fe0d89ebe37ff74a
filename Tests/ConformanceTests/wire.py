"""LDAP on the wire, octet by octet: for requests that no client library would send."""
from __future__ import annotations

import socket


def tlv(tag, *contents):
    """One BER element with a minimal definite length."""
    body = b"".join(contents)
    return bytes([tag]) + length(len(body)) + body


def length(n):
    if n < 128:
        return bytes([n])
    size = (n.bit_length() + 7) // 8
    return bytes([0x80 | size]) + n.to_bytes(size, "big")


def integer(n, tag=0x02):
    return tlv(tag, n.to_bytes(max(1, (n.bit_length() // 8) + 1), "big", signed=True))


def enumerated(n):
    return integer(n, 0x0A)


def boolean(b, tag=0x01):
    return tlv(tag, b"\xff" if b else b"\x00")


def text(s, tag=0x04):
    return tlv(tag, s.encode() if isinstance(s, str) else s)


def sequence(*items):
    return tlv(0x30, *items)


def control(oid, critical=None, value=None):
    return sequence(text(oid), *([boolean(critical)] if critical is not None else []),
                    *([text(value)] if value is not None else []))


def message(number, operation, *controls):
    number = number if isinstance(number, bytes) else integer(number)
    return sequence(number, operation, *([tlv(0xA0, *controls)] if controls else []))


def bind(dn="", password="", version=3):
    return tlv(0x60, integer(version), text(dn), text(password, 0x80))


def unbind():
    return b"\x42\x00"


PRESENT = text("objectClass", 0x87)


def search(base="", scope=0, filter=PRESENT, attributes=(), size=0, seconds=0, types_only=False, deref=0):
    return tlv(0x63, text(base), enumerated(scope), enumerated(deref), integer(size), integer(seconds),
               boolean(types_only), filter, sequence(*[text(a) for a in attributes]))


def equality(attribute, value):
    return tlv(0xA3, text(attribute), text(value))


def delete(dn):
    return text(dn, 0x4A)


def compare(dn, attribute, value):
    return tlv(0x6E, text(dn), sequence(text(attribute), text(value)))


def modify(dn, *changes):
    return tlv(0x66, text(dn), sequence(*[
        sequence(enumerated(kind), sequence(text(attribute), tlv(0x31, *[text(v) for v in vs])))
        for kind, attribute, vs in changes]))


def add(dn, *attributes):
    return tlv(0x68, text(dn), sequence(*[
        sequence(text(attribute), tlv(0x31, *[text(v) for v in vs])) for attribute, vs in attributes]))


def modify_dn(dn, rdn, delete_old=True, superior=None):
    return tlv(0x6C, text(dn), text(rdn), boolean(delete_old), *([text(superior, 0x80)] if superior is not None else []))


def extended(oid, value=None):
    return tlv(0x77, text(oid, 0x80), *([text(value, 0x81)] if value is not None else []))


def abandon(number):
    return integer(number, 0x50)


def parse(data, at=0):
    """(tag, contents, next position) of the element at `at`; IndexError if it is not complete."""
    tag, n = data[at], data[at + 1]
    at += 2
    if n & 0x80:
        size = n & 0x7F
        if at + size > len(data):
            raise IndexError
        n = int.from_bytes(data[at:at + size], "big")
        at += size
    if at + n > len(data):
        raise IndexError
    return tag, data[at:at + n], at + n


def elements(data):
    """The (tag, contents) pairs in a run of elements."""
    out, at = [], 0
    while at < len(data):
        tag, contents, at = parse(data, at)
        out.append((tag, contents))
    return out


class Answer:
    """One LDAPMessage received."""

    def __init__(self, data):
        self.data = data
        parts = elements(data)
        self.number = int.from_bytes(parts[0][1], "big")
        self.tag, self.contents = parts[1]
        self.controls = [elements(c) for _, c in elements(parts[2][1])] if len(parts) > 2 else []

    @property
    def code(self):
        """The resultCode of an LDAPResult."""
        return int.from_bytes(elements(self.contents)[0][1], "big")

    @property
    def diagnostic(self):
        return elements(self.contents)[2][1].decode()

    def __repr__(self):
        return f"<{self.number} tag {self.tag:#x}" + (f" code {self.code}>" if self.tag not in (0x64, 0x73) else ">")


class Wire:
    """A bare connection: octets out, messages in."""

    def __init__(self, address, timeout=15):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        """Sends; a connection that the server closed meanwhile is not an error here (the read will tell)."""
        try:
            self.socket.sendall(b"".join(messages))
            return True
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            return False

    def receive(self):
        """The next message; None when the server closed the connection."""
        while True:
            try:
                tag, contents, end = parse(self.buffer)
                assert tag == 0x30, f"not an LDAPMessage: {self.buffer[:20].hex()}"
                self.buffer = self.buffer[end:]
                return Answer(contents)
            except IndexError:
                pass
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.buffer += more

    def ask(self, *messages):
        self.send(*messages)
        return self.receive()

    def drain(self):
        """Everything up to the end of the connection."""
        answers = []
        while (answer := self.receive()) is not None:
            answers.append(answer)
        return answers

    def bind(self, dn, password, number=1):
        answer = self.ask(message(number, bind(dn, password)))
        assert answer is not None and answer.code == 0, answer
        return self
