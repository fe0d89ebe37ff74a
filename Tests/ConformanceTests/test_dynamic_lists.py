"""`member` of groupOfURLs: computed from memberURL on read, in compare and in filters."""
import pathlib
import re
import socket
import time
import urllib.parse

import pytest

import wire
from client import COMPARE_FALSE, COMPARE_TRUE, INVALID_ATTRIBUTE_SYNTAX, NO_SUCH_ATTRIBUTE, SUCCESS, Client, control, lower_keys
from servers import ROOT_DN, ROOT_PASSWORD, Muster


@pytest.fixture
def people(root, branch):
    names = []
    for name, unit in (("anna", "Sales"), ("boris", "Sales"), ("clara", "Legal"), ("dora", "Sales")):
        dn = f"uid={name},{branch}"
        assert root.add(dn, {"objectClass": "inetOrgPerson", "uid": name, "cn": name, "sn": name, "ou": unit}).code == SUCCESS
        names.append(dn)
    return names


def group(client, branch, *urls, name="list", **more):
    dn = f"cn={name},{branch}"
    result = client.add(dn, dict({"objectClass": "groupOfURLs", "cn": name, "memberURL": list(urls)}, **more))
    assert result.code == SUCCESS, result
    return dn


def members(client, dn, attributes=("member",)):
    found = lower_keys(client.read(dn, list(attributes) if attributes else None).only)
    return sorted(v.decode() for v in found.get("member", []))


@pytest.mark.parametrize("attributes", [("member",), ("*",), None, ("cn", "member")])
def test_read(root, branch, people, attributes):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert members(root, dn, attributes) == sorted([people[0], people[1], people[3]])


@pytest.mark.parametrize("attributes", [("cn",), ("memberURL",), ("1.1",)])
def test_not_when_it_is_not_asked_for(root, branch, people, attributes):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert members(root, dn, attributes) == []


def test_follows_changes_at_once(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    root.modify(people[2], ("replace", "ou", "Sales"))
    root.delete(people[0])
    assert members(root, dn) == sorted([people[1], people[2], people[3]])
    root.modify(dn, ("replace", "memberURL", f"ldap:///{branch}??sub?(uid=boris)"))
    assert members(root, dn) == [people[1]]


def test_scopes_of_the_url(root, branch, people):
    root.add(f"uid=below,{people[0]}", {"objectClass": "inetOrgPerson", "uid": "below", "cn": "b", "sn": "b", "ou": "Sales"})
    assert members(root, group(root, branch, f"ldap:///{branch}??one?(ou=Sales)", name="one")) == sorted([people[0], people[1], people[3]])
    assert members(root, group(root, branch, f"ldap:///{people[0]}??base?(ou=Sales)", name="base")) == [people[0]]
    assert len(members(root, group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)", name="sub"))) == 4


def test_several_urls(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=anna)", f"ldap:///{branch}??sub?(|(uid=anna)(uid=clara))")
    assert members(root, dn) == sorted([people[0], people[2]])


def test_nobody(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=nobody)")
    assert members(root, dn) == []
    assert root.read(dn).code == SUCCESS


def test_base_with_escapes(root, branch, people):
    quoted = branch.replace("=", "%3D").replace(",", "%2c")
    assert members(root, group(root, branch, f"ldap:///{quoted}??sub?(ou=Sales)")) == sorted([people[0], people[1], people[3]])


def test_base_that_does_not_exist(root, branch):
    assert members(root, group(root, branch, "ldap:///dc=nowhere??sub?(ou=Sales)")) == []


def test_compare(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert root.compare(dn, "member", people[0]).code == COMPARE_TRUE
    assert root.compare(dn, "member", people[0].upper()).code == COMPARE_TRUE
    assert root.compare(dn, "member", people[2]).code in (COMPARE_FALSE, NO_SUCH_ATTRIBUTE)


def test_filter(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    other = group(root, branch, f"ldap:///{branch}??sub?(ou=Legal)", name="other")
    find = lambda filter: root.search(branch, filter=filter, attributes=["1.1"]).names
    assert find(f"(member={people[0]})") == {dn}
    assert find(f"(member={people[2]})") == {other}
    assert find(f"(&(objectClass=groupOfURLs)(member={people[1]}))") == {dn}
    assert find(f"(member=uid=nobody,{branch})") == set()


def test_the_lists_of_a_mail_directory(root):
    """Groups as Carbonio writes them: members carry the group's id in zimbraMemberOf."""
    groups = root.search("dc=acme,dc=example", filter="(objectClass=zimbraGroup)", attributes=["zimbraId", "member", "memberURL"])
    assert groups.code == SUCCESS and groups.entries
    classic = 0
    for dn, attributes in groups.entries:
        url = attributes["memberURL"][0].decode()
        base, filter = url.split("?")[0][len("ldap:///"):], url.split("?")[3]
        expected = [d for d, a in root.search(base, filter=filter, attributes=["zimbraCOSId"], controls=[STORED]).entries
                    if "zimbraCOSId" not in filter or "zimbraCOSId" in a]
        # Lists see stored values: here an account without a class of service of its own is on no list of the default one.
        assert sorted(v.decode() for v in attributes.get("member", [])) == sorted(expected), dn
        classic += "zimbraMemberOf" in url
    assert classic


def test_users_see_members(user, root):
    some = next(dn for dn, a in root.search("dc=acme,dc=example", filter="(objectClass=zimbraGroup)", attributes=["member"]).entries if a.get("member"))
    assert members(user, some) == members(root, some)


STORED = control("2.16.840.1.113730.3.4.17")        # real attributes only
BAD_URLS = [("ldap://elsewhere/dc=acme??sub?(cn=*)", "host"), ("ldap:///dc=acme?cn?sub?(cn=*)", "attributes"), ("ldap:///dc=acme??every?(cn=*)", "scope"),
            ("ldap:///dc=acme??sub?(cn=*", "filter"), ("ldap:///nonsense??sub?(cn=*)", "LDAP URL"), ("ldap:///dc=acme??sub?(colour=red)", "colour"),
            ("http://acme.example/", "scheme")]


@pytest.mark.difference("slapd takes any value; such a list has no members (pitfall 43)")
@pytest.mark.parametrize("url, word", BAD_URLS, ids=[w for _, w in BAD_URLS])
def test_rule7_7_a_bad_url_is_refused_when_it_is_written(root, branch, url, word):
    result = root.add(f"cn=bad,{branch}", {"objectClass": "groupOfURLs", "cn": "bad", "memberURL": url})
    assert result.code == INVALID_ATTRIBUTE_SYNTAX and "memberURL" in result.message and word in result.message
    good = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert root.modify(good, ("add", "memberURL", url)).code == INVALID_ATTRIBUTE_SYNTAX


def test_stored_members_count_too(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=anna)", objectClass=["groupOfURLs", "extensibleObject"], member=[people[2], people[0]])
    assert members(root, dn) == sorted([people[0], people[2]])


@pytest.mark.difference("slapd compares with what the URLs find and forgets the stored members")
def test_stored_members_are_compared_too(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=anna)", objectClass=["groupOfURLs", "extensibleObject"], member=people[2])
    assert [root.compare(dn, "member", p).code for p in people[:3]] == [COMPARE_TRUE, COMPARE_FALSE, COMPARE_TRUE]


def test_a_list_can_find_itself(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(|(cn=list)(uid=anna))")
    assert members(root, dn) == sorted([dn, people[0]])


def test_classes_of_filters_include_derived_ones(root, branch, people):
    assert members(root, group(root, branch, f"ldap:///{branch}??sub?(objectClass=person)")) == sorted(people)
    assert members(root, group(root, branch, f"ldap:///{branch}??sub?(&(objectClass=person)(!(ou=Sales)))", name="not")) == [people[2]]


def test_types_only(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert lower_keys(root.search(dn, "base", attributes=["member"], types_only=True).only) == {"member": []}


@pytest.mark.muster
def test_many_lists_are_found_without_asking_each(root, branch, people):
    """Rule 7.10: of two thousand lists the right ones, and quickly."""
    for i in range(2000):
        unit = f"Unit {i}" if i % 500 else "Sales"
        assert root.add(f"cn=many{i},{branch}", {"objectClass": "groupOfURLs", "cn": f"many{i}",
                                                  "memberURL": f"ldap:///{branch}??sub?(&(objectClass=inetOrgPerson)(ou={unit}))"}).code == SUCCESS
    expected = {f"cn=many{i},{branch}" for i in range(0, 2000, 500)}
    assert root.search("", filter=f"(member={people[0]})", attributes=["1.1"]).names == expected
    started = time.monotonic()
    for _ in range(100):
        assert root.search("", filter=f"(member={people[0]})", attributes=["1.1"]).names == expected
    assert time.monotonic() - started < 100 * 0.02
    # One list changes.
    assert root.modify(f"cn=many1,{branch}", ("replace", "memberURL", f"ldap:///{branch}??sub?(ou=Sales)")).code == SUCCESS
    assert root.search("", filter=f"(member={people[0]})", attributes=["1.1"]).names == expected | {f"cn=many1,{branch}"}


CROWD = 50_000


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A server with one event loop, on a list of fifty thousand members."""
    folder = tmp_path_factory.mktemp("crowd")
    ldif = folder / "crowd.ldif"
    with open(ldif, "w") as file:
        file.write("dn: dc=crowd\nobjectClass: dcObject\nobjectClass: organization\no: crowd\ndc: crowd\n\n")
        for i in range(CROWD):
            file.write(f"dn: cn=somebody {i:05},dc=crowd\nobjectClass: person\ncn: somebody {i:05}\nsn: x\n\n")
        file.write("dn: cn=all,dc=crowd\nobjectClass: groupOfURLs\ncn: all\nmemberURL: ldap:///dc=crowd??one?(objectClass=person)\n\n")
    server = Muster(folder / "server", arguments=["--loops", "1"])
    server.load(ldif)
    server.start()
    yield server
    server.stop()


def resident(server):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text())[1]) << 10


@pytest.mark.muster
def test_fifty_thousand_members_in_pieces(crowd):
    with Client(crowd.url, ROOT_DN, ROOT_PASSWORD) as client:
        expected = {f"cn=somebody {i:05},dc=crowd" for i in range(CROWD)}
        for attributes in (["member"], ["*"], None):
            found = client.search("cn=all,dc=crowd", "base", attributes=attributes).only
            assert len(found["member"]) == CROWD and {v.decode() for v in found["member"]} == expected
        assert client.search("cn=all,dc=crowd", "base", attributes=["member"], types_only=True).only == {"member": []}
        assert client.search("dc=crowd", filter="(memberOf=cn=all,dc=crowd)", attributes=["1.1"]).names == expected
        assert client.compare("cn=all,dc=crowd", "member", "cn=somebody 49999,dc=crowd").code == COMPARE_TRUE
        assert client.search("dc=crowd", filter="(member=cn=somebody 00001,dc=crowd)", attributes=["1.1"]).names == {"cn=all,dc=crowd"}


class Slow(wire.Wire):
    """A connection with little room for what it does not read."""

    def __init__(self, server):
        address = urllib.parse.urlsplit(server.url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        self.socket.settimeout(60)
        self.socket.connect((address.hostname, address.port))
        self.buffer = b""
        self.bind(ROOT_DN, ROOT_PASSWORD)


@pytest.mark.muster
def test_clients_that_do_not_take_their_members_cost_little_memory(crowd):
    """Twenty clients ask and read nothing for a moment; others are served meanwhile, and entries are renamed and deleted."""
    with Client(crowd.url, ROOT_DN, ROOT_PASSWORD) as client:
        slow = [Slow(crowd) for _ in range(20)]
        before = resident(crowd)
        for one in slow:
            one.send(wire.message(2, wire.search("cn=all,dc=crowd", attributes=["member"])))
        for one in slow:
            one.socket.recv(1, socket.MSG_PEEK)                         # its entry has begun
        worst = 0
        for i in range(50):
            started = time.monotonic()
            assert client.read(f"cn=somebody {i + 100:05},dc=crowd").code == SUCCESS
            worst = max(worst, time.monotonic() - started)
        during = resident(crowd)
        # 1.3 MB of members each if they were held. Held are their numbers, and a chunk or two.
        assert during - before < 20 * 1_000_000, (before, during)
        assert worst < 0.25
        assert client.rename("cn=somebody 40000,dc=crowd", "cn=renamed to something much longer").code == SUCCESS
        assert client.delete("cn=somebody 40001,dc=crowd").code == SUCCESS
        for number, one in enumerate(slow):
            if number == 10:
                time.sleep(12)          # the server keeps a snapshot for ten seconds
            # All from the moment when it was asked for.
            entry, done = one.receive(), one.receive()
            assert entry.tag == 0x64 and entry.contents.count(b"cn=somebody ") == CROWD and done.code == 0, number
            one.socket.close()
        now = client.read("cn=all,dc=crowd", ["member"]).only["member"]
        assert len(now) == CROWD - 1 and b"cn=renamed to something much longer,dc=crowd" in now


@pytest.mark.muster
def test_abandoning_in_the_middle_of_an_entry(crowd):
    with Client(crowd.url, ROOT_DN, ROOT_PASSWORD) as client:
        count = len(client.read("cn=all,dc=crowd", ["member"]).only["member"])
    with Slow(crowd) as slow:
        slow.send(wire.message(2, wire.search("cn=all,dc=crowd", attributes=["member"])))
        time.sleep(0.5)
        slow.send(wire.message(3, wire.abandon(2)), wire.message(4, wire.search("cn=somebody 00001,dc=crowd", attributes=["cn"])))
        seen = []
        while not (seen and seen[-1].number == 4 and seen[-1].tag == 0x65):
            seen.append(slow.receive())
    # The entry that was begun is whole; what was asked for afterwards is answered after it.
    for answer in seen:
        if answer.number == 2 and answer.tag == 0x64:
            assert answer.contents.count(b",dc=crowd") == count + 1
    assert [a.tag for a in seen if a.number == 4] == [0x64, 0x65]


@pytest.mark.muster
def test_nothing_comes_between_the_pieces_of_an_entry(crowd):
    """Searches, changes and binds of one connection, all at once."""
    with Slow(crowd) as slow:
        requests = []
        for number in range(10, 40):
            requests.append(wire.message(number, [
                lambda: wire.search("cn=all,dc=crowd", attributes=["member"]),
                lambda: wire.search("dc=crowd", 2, wire.text("cn", 0x87), ["cn"], size=3000),
                lambda: wire.modify("cn=somebody 00007,dc=crowd", (2, "description", [str(number)])),
                lambda: wire.search("cn=somebody 00001,dc=crowd", attributes=["cn"]),
                lambda: wire.compare("cn=all,dc=crowd", "member", "cn=somebody 00002,dc=crowd")][number % 5]()))
        slow.send(*requests)
        codes, entries = {}, {}
        while len(codes) < len(requests):
            answer = slow.receive()
            if answer.tag == 0x64:
                entries[answer.number] = entries.get(answer.number, 0) + 1
            else:
                codes[answer.number] = answer.code
        assert [codes[n] for n in range(10, 40)] == [0, 4, 0, 0, 6] * 6
        assert [entries.get(n, 0) for n in range(10, 40)] == [1, 3000, 0, 1, 0] * 6
