"""Limits by who asks (slapd.conf(5), `limits`), limits of wrong passwords, and of what a search looks at."""
import json
import shutil
import socket
import subprocess
import time

import pytest
from ldap.controls import SimplePagedResultsControl

from client import ADMIN_LIMIT_EXCEEDED, COMPARE_FALSE, INVALID_CREDENTIALS, SIZE_LIMIT_EXCEEDED, SUCCESS, UNWILLING_TO_PERFORM, Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster, free_port

pytestmark = pytest.mark.muster
BUSY = 51
PEOPLE = "ou=people,dc=example"


def ldif():
    lines = ["dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n",
             f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n"]
    for i in range(12):
        lines.append(f"dn: cn=p{i},{PEOPLE}\nobjectClass: person\ncn: p{i}\nsn: p\nuserPassword: pw{i}\n")
    lines.append(f"dn: cn=readers,dc=example\nobjectClass: groupOfNames\ncn: readers\nmember: cn=p3,{PEOPLE}\n")
    return "\n".join(lines)


RULES = ["anonymous size=2", f'dn.exact="cn=p1,{PEOPLE}" size.soft=3 size.hard=6', f'dn.regex="^cn=p2,.*" size=unlimited',
         'group="cn=readers,dc=example" size=4 size.prtotal=unlimited', f'dn.onelevel="{PEOPLE}" size.soft=5 size.hard=soft size.prtotal=disabled',
         "users size=1"]


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited")
    (folder / "people.ldif").write_text(ldif())
    (folder / "muster.json").write_text(json.dumps({"limits": {"searches": RULES}, "access": ["to attrs=userPassword by anonymous auth", "to * by * read"]}))
    server = Muster(folder / "server", ["--config", str(folder / "muster.json")])
    server.environment.pop("MUSTER_ACCESS_FILE", None)
    server.load(folder / "people.ldif")
    server.start()
    yield server
    server.stop()


CASES = [(None, 0, 2), (None, 1, 1), (None, 9, 2), (1, 0, 3), (1, 2, 2), (1, 5, 5), (1, 9, 6), (2, 0, 15), (2, 5, 5), (3, 0, 4), (3, 9, 4), (4, 0, 5), (4, 9, 5)]


def count(server, who, asked, **more):
    with Client(server.url, *((f"cn=p{who},{PEOPLE}", f"pw{who}") if who is not None else ())) as client:
        found = client.search("dc=example", "sub", attributes=["1.1"], size_limit=asked, **more)
        assert found.code == (SUCCESS if len(found.entries) == 15 else SIZE_LIMIT_EXCEEDED)
        return len(found.entries)


@pytest.mark.parametrize("who,asked,expected", CASES)
def test_sizes_by_identity(limited, who, asked, expected):
    assert count(limited, who, asked) == expected


def test_the_root_identity_has_no_limits(limited):
    with Client(limited.url, ROOT_DN, ROOT_PASSWORD) as root:
        assert len(root.search("dc=example", "sub", attributes=["1.1"]).entries) == 15


def test_pages_together(limited):
    def pages(client):
        total, cookie = 0, ""
        while True:
            page = client.search("dc=example", "sub", attributes=["1.1"], controls=[SimplePagedResultsControl(True, 2, cookie)])
            total += len(page.entries)
            control = page.control(SimplePagedResultsControl.controlType)
            if page.code != SUCCESS or not control.cookie:
                return page.code, total
            cookie = control.cookie
    with Client(limited.url, f"cn=p1,{PEOPLE}", "pw1") as client:
        assert pages(client) == (SIZE_LIMIT_EXCEEDED, 6)
    with Client(limited.url, f"cn=p3,{PEOPLE}", "pw3") as client:
        assert pages(client) == (SUCCESS, 15)
    with Client(limited.url, f"cn=p4,{PEOPLE}", "pw4") as client:
        assert pages(client)[0] == UNWILLING_TO_PERFORM


def test_slapd_says_the_same(tmp_path):
    """The rules as they are, in a slapd."""
    port = free_port()
    (tmp_path / "db").mkdir()
    (tmp_path / "people.ldif").write_text(ldif())
    rules = "\n".join("limits " + rule for rule in RULES)
    (tmp_path / "slapd.conf").write_text(f"include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nsuffix dc=example\n"
                                         f"rootdn cn=root,dc=example\ndirectory {tmp_path}/db\n{rules}\naccess to * by * read\n")
    subprocess.run(["/usr/sbin/slapadd", "-f", tmp_path / "slapd.conf", "-l", tmp_path / "people.ldif"], check=True, capture_output=True)
    process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", str(tmp_path / "slapd.conf"), "-h", f"ldap://127.0.0.1:{port}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    class Server:
        url = f"ldap://127.0.0.1:{port}"

    try:
        for _ in range(100):
            with Client(Server.url) as client:
                if client.read("").code == SUCCESS:
                    break
            time.sleep(0.05)
        assert [count(Server, who, asked) for who, asked, _ in CASES] == [expected for _, _, expected in CASES]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def small(tmp_path):
    (tmp_path / "people.ldif").write_text(ldif())
    servers = []

    def start(settings):
        (tmp_path / "muster.json").write_text(json.dumps(settings))
        server = Muster(tmp_path / "server", ["--config", str(tmp_path / "muster.json")])
        if "access" in settings:
            server.environment.pop("MUSTER_ACCESS_FILE")
        server.load(tmp_path / "people.ldif")
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize("rule", ["nobody", "users", "users size=many", "users length=3", 'dn.sideways="cn=x" size=1', "group/nothing=cn=x size=1"])
def test_a_rule_that_cannot_be_used_stops_the_start(small, rule):
    with pytest.raises(AssertionError, match="limits, rule 1"):
        small({"limits": {"searches": [rule]}})


def test_what_a_search_looks_at(small):
    server = small({"limits": {"searchCandidates": 8}, "access": ["to * by * read"]})
    with Client(server.url) as client:
        assert client.search("dc=example", "sub", "(sn=x)", ["1.1"]).code == SUCCESS
        assert client.search("dc=example", "sub", "(!(sn=x))", ["1.1"]).code == ADMIN_LIMIT_EXCEEDED
        assert client.search("dc=example", "sub", "(cn=p1)", ["1.1"]).code == SUCCESS


def test_wrong_passwords_for_one_name(small):
    server = small({"limits": {"bindFailuresPerEntry": 5}})
    with Client(server.url) as client:
        for name in (f"cn=p1,{PEOPLE}", f"cn=nobody,{PEOPLE}"):
            assert [client.bind(name, "wrong").code for _ in range(7)] == [INVALID_CREDENTIALS] * 5 + [BUSY] * 2
        assert client.bind(f"cn=p1,{PEOPLE}", "pw1").code == BUSY
        assert client.bind(f"cn=p2,{PEOPLE}", "pw2").code == SUCCESS
        assert client.bind(ROOT_DN, ROOT_PASSWORD).code == SUCCESS
        assert int(client.read("cn=Bind Failures Per Entry,cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0]) == 5


def test_wrong_passwords_from_one_address(small):
    server = small({"limits": {"bindFailuresPerAddress": 5}})
    with Client(server.url) as client:
        assert [client.bind(f"cn=p{i},{PEOPLE}", "wrong").code for i in range(7)] == [INVALID_CREDENTIALS] * 5 + [BUSY] * 2
        assert client.bind(f"cn=p2,{PEOPLE}", "pw2").code == BUSY
    with Client(server.socket_url) as client:
        assert client.bind(f"cn=p2,{PEOPLE}", "pw2").code == SUCCESS, "local clients have no address"
        assert client.bind(ROOT_DN, ROOT_PASSWORD).code == SUCCESS
        assert int(client.read("cn=Bind Failures Per Address,cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0]) == 3


def reached(server, name):
    """How often a limit was, as cn=Monitor tells."""
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
        return int(root.read(f"cn={name},cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0])


def test_filters(small):
    server = small({"limits": {"filterDepth": 3, "filterTerms": 16}, "access": ["to * by * read"]})
    with Client(server.url) as client:
        assert client.search("dc=example", "sub", "(&(|(cn=p1)))", ["1.1"]).code == SUCCESS
        assert client.search("dc=example", "sub", "(&(|(&(|(cn=p1)))))", ["1.1"]).code == ADMIN_LIMIT_EXCEEDED
        assert client.search("dc=example", "sub", "(cn=a*b*c*d*e*f*g*h*i*j*k*l*m*n*o)", ["1.1"]).code == SUCCESS
        for filter in ("(cn=a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q)", "(|" + "(cn=x)" * 17 + ")"):
            assert client.search("dc=example", "sub", filter, ["1.1"]).code == ADMIN_LIMIT_EXCEEDED
        assert client.search("dc=example", "sub", "(cn=*)", ["a"] * 10_001).code == ADMIN_LIMIT_EXCEEDED
    assert [reached(server, name) for name in ("Filter Depth", "Filter Terms", "Request Parts", "Search Candidates")] == [1, 2, 1, 0]


def test_searches_are_counted(small):
    server = small({"limits": {"searchCandidates": 8, "searchSize": 3}, "access": ["to * by * read"]})
    with Client(server.url) as client:
        assert client.search("dc=example", "sub", "(sn=p)", ["1.1"]).code == SIZE_LIMIT_EXCEEDED
        assert client.search("dc=example", "sub", "(!(sn=x))", ["1.1"], size_limit=100).code in (SIZE_LIMIT_EXCEEDED, ADMIN_LIMIT_EXCEEDED)
        assert client.search("dc=example", "sub", "(!(|(sn=p)(dc=*)(ou=*)(cn=*)))", ["1.1"]).code == ADMIN_LIMIT_EXCEEDED
    assert reached(server, "Search Size") + reached(server, "Search Candidates") == 3 and reached(server, "Search Size") >= 1


def test_connections_are_counted(small):
    """In all, of an address, new ones of an address; each closed at once."""
    for setting, value, name in [("maximumConnections", 3, "Connections"), ("maximumConnectionsPerAddress", 2, "Connections Per Address"),
                                 ("maximumConnectionRate", 4, "Connection Rate")]:
        server = small({"limits": {setting: value}})
        local = Client(server.socket_url, ROOT_DN, ROOT_PASSWORD)
        held = [Client(server.url) for _ in range(8)]
        served = sum(client.read("").code == SUCCESS for client in held)
        assert served == {"maximumConnections": 2}.get(setting, value), setting
        assert int(local.read(f"cn={name},cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0]) >= 8 - served
        local.close()
        for client in held:
            client.close()
        server.stop()
        shutil.rmtree(server.folder)


def test_times_are_kept_and_counted(small):
    """Idle connections, requests and handshakes that are not completed."""
    server = small({"limits": {"idleTimeout": 1, "slowSenderTimeout": 1}})
    idle, slow = socket.create_connection(server.address), socket.create_connection(server.address)
    slow.sendall(b"\x30\x20\x02\x01\x01")
    for one in (idle, slow):
        one.settimeout(10)
        assert one.recv(100) == b""
        one.close()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
        count = lambda name: int(root.read(f"cn={name},cn=Limits,cn=Monitor", ["monitorCounter"]).only["monitorCounter"][0])
        assert (count("Idle Time"), count("Slow Senders")) == (1, 1)


def test_requests_by_whether_one_is_bound(small):
    server = small({"limits": {"maximumAnonymousRequest": 20_000, "maximumRequest": 60_000}})
    with Client(server.url) as client:
        assert client.compare("dc=example", "o", "x" * 30_000).code not in (COMPARE_FALSE, SUCCESS)
    with Client(server.url, f"cn=p1,{PEOPLE}", "pw1") as client:
        assert client.compare("dc=example", "o", "x" * 30_000).code == COMPARE_FALSE
        assert client.compare("dc=example", "o", "x" * 70_000).code not in (COMPARE_FALSE, SUCCESS)
    assert [reached(server, name) for name in ("Anonymous Request Size", "Request Size")] == [1, 1]
