"""draft-ietf-ldapext-psearch-03: persistent search and entry change notification. slapd has neither."""
import time

import pytest

import wire
from client import PROTOCOL_ERROR, SUCCESS, UNWILLING_TO_PERFORM
from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

pytestmark = pytest.mark.muster
PERSISTENT, CHANGED = "2.16.840.1.113730.3.4.3", "2.16.840.1.113730.3.4.7"
ADD, DELETE, MODIFY, RENAME, EVERYTHING = 1, 2, 4, 8, 15


def persistent(changes=EVERYTHING, changes_only=True, notifications=True):
    return wire.control(PERSISTENT, True, wire.sequence(wire.integer(changes), wire.boolean(changes_only), wire.boolean(notifications)))


class Listener:
    """A connection with a persistent search."""

    def __init__(self, server, base, given, scope=2, dn=ROOT_DN, password=ROOT_PASSWORD, **more):
        self.connection = wire.Wire(server.address, timeout=5)
        self.connection.bind(dn, password)
        self.connection.send(wire.message(7, wire.search(base, scope, **more), given))
        # The search has begun when an answer to what came later has come: both are handled in order, but the first needs a thread.
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.__exit__()

    def next(self):
        """(name, kind, previous name) of the next entry; a result code at the end."""
        message = self.connection.receive()
        if message.tag == 0x65:
            return message.code
        kind = previous = None
        for parts in message.controls:
            assert parts[0][1].decode() == CHANGED
            fields = wire.elements(wire.elements(parts[-1][1])[0][1])
            kind = fields[0][1][0]
            previous = next((v.decode() for tag, v in fields if tag == 4), None)
            assert any(tag == 2 for tag, _ in fields), "the number of the change"
        return wire.elements(message.contents)[0][1].decode(), kind, previous

    def quiet(self):
        self.connection.send(wire.message(9, wire.search("", 0)))
        message = self.connection.receive()
        if message.number != 9:
            return False
        assert self.connection.receive().number == 9
        return True


def person(root, branch, name, **more):
    dn = f"cn={name},{branch}"
    assert root.add(dn, {"objectClass": "person", "cn": name, "sn": "x", **more}).code == SUCCESS
    return dn


def test_changes_are_told_as_they_happen(server, root, branch):
    """Of an address list, too, a client so learns what is gone, which times do not tell (rule 6.4.7)."""
    with Listener(server, branch, persistent()) as listener:
        assert listener.quiet()
        dn = person(root, branch, "one")
        assert listener.next() == (dn, ADD, None)
        root.modify(dn, ("replace", "description", "x"))
        assert listener.next() == (dn, MODIFY, None)
        root.rename(dn, "cn=two")
        assert listener.next() == (f"cn=two,{branch}", RENAME, dn)
        root.delete(f"cn=two,{branch}")
        assert listener.next() == (f"cn=two,{branch}", DELETE, None)
        assert listener.quiet()


def test_what_is_there_comes_first(server, root, branch):
    names = {person(root, branch, f"p{i}") for i in range(30)} | {branch}
    with Listener(server, branch, persistent(changes_only=False)) as listener:
        first = [listener.next() for _ in range(31)]
        assert {n for n, _, _ in first} == names and {k for _, k, _ in first} == {None}
        assert listener.quiet()
        dn = person(root, branch, "later")
        assert listener.next() == (dn, ADD, None)


@pytest.mark.parametrize("kind", [ADD, DELETE, MODIFY, RENAME])
def test_kinds_of_change(server, root, branch, kind):
    with Listener(server, branch, persistent(kind)) as listener:
        dn = person(root, branch, "one")
        root.modify(dn, ("replace", "description", "x"))
        root.rename(dn, "cn=two")
        if kind == DELETE:
            root.delete(f"cn=two,{branch}")
        # What happened to an entry that is gone before it is looked at is not told.
        name, told, _ = listener.next()
        assert told == kind
        root.delete(f"cn=two,{branch}")
        assert listener.quiet()


@pytest.mark.parametrize("scope,expected", [(0, {"top"}), (1, {"child"}), (2, {"top", "child", "below"}), (3, {"child", "below"})])
def test_scopes(server, root, branch, scope, expected):
    names = {"top": branch, "child": f"ou=child,{branch}", "below": f"cn=below,ou=child,{branch}"}
    with Listener(server, branch, persistent(), scope) as listener:
        root.add(names["child"], {"objectClass": "organizationalUnit", "ou": "child"})
        root.add(names["below"], {"objectClass": "person", "cn": "below", "sn": "x"})
        root.modify(branch, ("replace", "description", "x"))
        time.sleep(0.3)
        root.delete(names["below"])
        root.delete(names["child"])
        # The answer to another search may overtake what is told of changes.
        time.sleep(0.3)
        listener.connection.send(wire.message(9, wire.search("", 0)))
        told = []
        while (message := listener.connection.receive()).number == 7:
            told.append(wire.elements(message.contents)[0][1].decode())
        assert {k for k, v in names.items() if v in told} == expected
        assert len(told) == sum({"top": 1, "child": 2, "below": 2}[k] for k in expected)


def test_filter_and_attributes(server, root, branch):
    with Listener(server, branch, persistent(notifications=False), filter=wire.equality("sn", "wanted"), attributes=["sn"]) as listener:
        person(root, branch, "other")
        dn = person(root, branch, "one", sn="wanted")
        assert listener.next() == (dn, None, None)
        root.modify(dn, ("replace", "sn", "other"))
        assert listener.quiet()
        root.modify(dn, ("replace", "sn", "Wanted"))
        assert listener.next() == (dn, None, None)
        root.delete(dn)
        assert listener.next() == (dn, None, None)


def test_rule5_6_4_the_proxy_hears_of_domains(sample, change_sample):
    """Its configuration can be made anew when something in it changes."""
    served = {"filter": wire.text("zimbraVirtualHostname", 0x87), "attributes": ["zimbraVirtualHostname"]}
    with Listener(sample, "", persistent(), **served) as listener:
        change_sample("dc=example,dc=org", zimbraVirtualHostname=["mail.example.org", "www.example.org"])
        assert listener.next() == ("dc=example,dc=org", MODIFY, None)
        change_sample("uid=ada.lovelace,ou=people,dc=example,dc=com", title="Countess")
        assert listener.quiet()


def test_only_what_may_be_read_is_told(server, root, branch):
    dn = person(root, branch, "one", userPassword="a secret password")
    with Listener(server, branch, persistent(), dn="uid=ada," + PEOPLE, password="lovelace") as listener:
        root.modify(dn, ("replace", "description", "x"))
        message = listener.connection.receive()
        assert b"description" in message.contents and b"secret" not in message.contents
        root.delete(dn)
        message = listener.connection.receive()
        assert b"secret" not in message.contents


def test_abandon(server, root, branch):
    with Listener(server, branch, persistent()) as listener:
        listener.connection.send(wire.message(8, wire.abandon(7)))
        time.sleep(0.2)
        person(root, branch, "one")
        assert listener.quiet()


def test_rfc3909_cancel(server, branch):
    """Answered at once, though nothing changes."""
    with Listener(server, branch, persistent()) as listener:
        listener.connection.send(wire.message(8, wire.extended("1.3.6.1.1.8", wire.sequence(wire.integer(7)))))
        answers = {answer.number: answer.code for answer in (listener.connection.receive(), listener.connection.receive())}
        assert answers == {7: 118, 8: SUCCESS}
        assert listener.quiet()


def test_size_limit(server, root, branch):
    with Listener(server, branch, persistent(), size=2) as listener:
        for name in "abc":
            person(root, branch, name)
        assert [listener.next()[0] for _ in range(2)] == [f"cn={n},{branch}" for n in "ab"]
        assert listener.next() == 4


def test_many_searches_of_many_connections(server, root, branch):
    listeners = [Listener(server, branch, persistent()) for _ in range(5)]
    try:
        names = [person(root, branch, f"p{i}") for i in range(20)]
        for listener in listeners:
            assert [listener.next()[0] for _ in names] == names
    finally:
        for listener in listeners:
            listener.__exit__()


def test_a_client_that_reads_late_gets_everything(server, root, branch):
    """What waits for it are the changes, not the answers."""
    dn = person(root, branch, "large", description=["x" * 200_000])
    with Listener(server, branch, persistent()) as listener:
        before = server.resident_kib()
        for number in range(200):
            assert root.modify(dn, ("replace", "telephoneNumber", str(number))).code == SUCCESS
        assert server.resident_kib() - before < 32 * 1024
        assert {listener.next() for _ in range(200)} == {(dn, MODIFY, None)}


def test_no_change_is_told_with_the_entry_as_it_was_before(server, root, branch):
    """Changes that follow each other while others are being told of, which takes a while with such a filter."""
    dn, count = person(root, branch, "counted", description="x" * 100), 2000
    slow = wire.tlv(0xA1, *[wire.tlv(0xA4, wire.text("description"), wire.sequence(wire.text(f"y{i}", 0x81))) for i in range(2000)], wire.equality("cn", "counted"))
    with Listener(server, branch, persistent(), filter=slow) as listener, wire.Wire(server.address) as writer:
        writer.bind(ROOT_DN, ROOT_PASSWORD)
        writer.send(*[wire.message(number + 2, wire.modify(dn, (2, "telephoneNumber", [str(number)]))) for number in range(count)])
        for number in range(count):
            attributes = wire.elements(listener.connection.receive().contents)[1][1]
            values = {name[1]: [v for _, v in wire.elements(given[1])] for name, given in (wire.elements(a) for _, a in wire.elements(attributes))}
            assert int(values[b"telephoneNumber"][0]) >= number


@pytest.mark.parametrize("value", [None, b"", b"x", wire.sequence(wire.integer(0), wire.boolean(True), wire.boolean(True)), wire.sequence(wire.integer(1))])
def test_malformed(server, value):
    with Listener(server, "", wire.control(PERSISTENT, True, value)) as listener:
        assert listener.next() == PROTOCOL_ERROR


def test_controls_that_do_not_go_together(server, branch):
    from ldap.controls import SimplePagedResultsControl
    paged = SimplePagedResultsControl(True, 2, "")
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        answer = connection.ask(wire.message(7, wire.search(branch, 2), persistent(), wire.control(paged.controlType, True, paged.encodeControlValue())))
        assert answer.code == UNWILLING_TO_PERFORM


def test_the_server_stops(tmp_path, generated):
    from servers import Muster
    server = Muster(tmp_path)
    server.load(generated)
    server.start()
    with Listener(server, "", persistent()):
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 5
