"""cn=Monitor: OpenLDAP's names, counters that count, and who may look."""
import os
import re
import socket
import time

import ldap
import pytest

import wire
from certificates import Authority
from client import NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, SUCCESS, UNWILLING_TO_PERFORM, Client
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD, Muster

pytestmark = pytest.mark.muster
MONITOR = "cn=Monitor"
ADA = "uid=ada,ou=conformance,dc=acme,dc=example"


def counter(client, name, attribute="monitorCounter"):
    return int(client.read(f"{name},{MONITOR}", [attribute]).only[attribute][0])


def test_what_monitoring_tools_ask_for(root):
    """The searches of common exporters: by class, with attributes that are operational."""
    found = root.search(MONITOR, "sub", "(|(objectClass=monitorCounterObject)(objectClass=monitorOperation)(objectClass=monitoredObject)"
                        "(objectClass=monitorContainer))", ["monitorCounter", "monitorOpInitiated", "monitorOpCompleted", "monitoredInfo"])
    assert found.code == SUCCESS
    for name in ("cn=Current,cn=Connections", "cn=Total,cn=Connections", "cn=Bind,cn=Operations", "cn=Search,cn=Operations", "cn=Modrdn,cn=Operations",
                 "cn=Bytes,cn=Statistics", "cn=PDU,cn=Statistics", "cn=Entries,cn=Statistics", "cn=Max,cn=Threads", "cn=Uptime,cn=Time",
                 "cn=Read,cn=Waiters", "cn=Write,cn=Waiters", "cn=Database 1,cn=Databases", "cn=Listener 0,cn=Listeners"):
        assert f"{name},{MONITOR}".lower() in found.names
    database = root.search("cn=Databases," + MONITOR, "sub", "(olmMDBEntries=*)", ["olmMDBEntries", "olmMDBPagesMax", "olmMDBPagesUsed", "olmMDBReadersUsed"]).only
    assert 100 < int(database["olmMDBEntries"][0]) and int(database["olmMDBPagesUsed"][0]) < int(database["olmMDBPagesMax"][0])
    assert root.read("", ["monitorContext"]).only["monitorContext"] == [b"cn=Monitor"]


def test_scopes_and_names(root):
    everything = root.search(MONITOR, "sub", attributes=["1.1"]).names
    assert {"cn=monitor"} == root.search(MONITOR, "base", attributes=["1.1"]).names
    assert root.search("CN = monitor", "children", attributes=["1.1"]).names == everything - {"cn=monitor"}
    containers = root.search(MONITOR, "one", attributes=["1.1"]).names
    assert containers == {name for name in everything if name.count(",") == 1}
    assert root.search("cn=operations,cn=monitor", "one", attributes=["1.1"]).names == {n for n in everything if n.endswith(",cn=operations,cn=monitor")}
    missing = root.search("cn=nothing,cn=monitor", "base")
    assert missing.code == NO_SUCH_OBJECT and missing.matched == MONITOR
    assert not [n for n in root.search("", "sub", "(objectClass=monitoredObject)", ["1.1"]).names], "a tree of its own"


def test_counters_count(root, connect):
    before = {kind: counter(root, f"cn={kind},cn=Operations", "monitorOpCompleted") for kind in ("Bind", "Search", "Compare", "Modify", "Extended")}
    entries = counter(root, "cn=Entries,cn=Statistics")
    with Client(root.url, ROOT_DN, ROOT_PASSWORD) as other:
        for _ in range(5):
            assert other.search("ou=conformance,dc=acme,dc=example", "one", "(uid=ada)", ["cn"]).code == SUCCESS
        other.compare(ADA, "uid", "ada")
        other.modify(ADA, ("replace", "description", "counted"))
        other.whoami()
        after = {kind: counter(root, f"cn={kind},cn=Operations", "monitorOpCompleted") for kind in before}
    assert after["Bind"] == before["Bind"] + 1 and after["Compare"] == before["Compare"] + 1
    assert after["Modify"] == before["Modify"] + 1 and after["Extended"] == before["Extended"] + 1
    assert after["Search"] >= before["Search"] + 5
    assert counter(root, "cn=Entries,cn=Statistics") >= entries + 5
    assert counter(root, "cn=Operations", "monitorOpInitiated") >= counter(root, "cn=Operations", "monitorOpCompleted")


def test_connections(root, connect):
    ada = connect(ADA, "lovelace")
    ada.read(ADA)
    found = [attributes for _, attributes in root.search("cn=Connections," + MONITOR, "one", "(objectClass=monitorConnection)", ["+"]).entries]
    port = socket.socket(fileno=os.dup(ada.connection.get_option(ldap.OPT_DESC))).getsockname()[1]
    mine = [a for a in found if a["monitorConnectionPeerAddress"][0].endswith(b":%d" % port)]
    assert len(mine) == 1
    assert mine[0]["monitorConnectionAuthzDN"][0].decode().lower() == ADA
    assert int(mine[0]["monitorConnectionOpsReceived"][0]) == 2
    assert mine[0]["monitorConnectionPeerAddress"][0].startswith(b"IP=127.0.0.1:")
    assert re.fullmatch(rb"\d{14}Z", mine[0]["monitorConnectionStartTime"][0])
    assert counter(root, "cn=Current,cn=Connections") >= 2
    assert root.search("cn=Connections," + MONITOR, "one", "(monitorConnectionAuthzDN=%s)" % ADA.upper(), ["1.1"]).code == SUCCESS


def test_limits_are_listed_and_counted(server, root):
    limits = {dn.split(",")[0][3:]: attributes for dn, attributes in root.search("cn=Limits," + MONITOR, "one", attributes=["*", "+"]).entries}
    for name in ("Connections", "Connections Per Address", "Connection Rate", "Handshake Time", "Anonymous Request Size", "Request Size", "Filter Depth",
                 "Operations Per Connection", "Search Size", "Search Time", "Search Candidates", "Idle Time", "Slow Readers", "Slow Senders",
                 "Bind Failures Per Address", "Bind Failures Per Entry", "Queued Work", "Buffered Requests", "Filter Terms", "Request Parts",
                 "Write Buffer"):
        assert limits[name]["monitoredInfo"] and limits[name]["monitorCounter"] and limits[name]["description"]
    before = counter(root, "cn=Anonymous Request Size,cn=Limits")
    with wire.Wire(server.address) as connection:
        connection.send(b"\x30\x84\x00\x80\x00\x00")
        connection.drain()
    assert counter(root, "cn=Anonymous Request Size,cn=Limits") == before + 1


def test_pages_and_limits(root):
    from ldap.controls import SimplePagedResultsControl
    everything = root.search(MONITOR, "sub", attributes=["1.1"])
    names, cookie = [], ""
    while True:
        page = root.search(MONITOR, "sub", attributes=["1.1"], controls=[SimplePagedResultsControl(True, 7, cookie)])
        assert page.code == SUCCESS and len(page.entries) <= 7
        names += [dn for dn, _ in page.entries]
        cookie = page.control(SimplePagedResultsControl.controlType).cookie
        if not cookie:
            break
    assert len(names) == len(set(names)) == len(everything.entries)
    few = root.search(MONITOR, "sub", attributes=["1.1"], size_limit=3)
    assert (few.code, len(few.entries)) == (SIZE_LIMIT_EXCEEDED, 3)


def test_who_may_look(server, root, connect):
    with Client(server.url, ADMIN_DN, ADMIN_PASSWORD) as admin:
        assert admin.read(MONITOR).code == SUCCESS
    for client in (connect(), connect(ADA, "lovelace")):
        refused = client.search(MONITOR, "sub")
        assert refused.code == NO_SUCH_OBJECT and not refused.entries
        assert client.compare("cn=Current,cn=Connections,cn=Monitor", "monitorCounter", "1").code == NO_SUCH_OBJECT


def test_nothing_can_be_written(root):
    assert root.add(MONITOR, {"objectClass": "organizationalRole", "cn": "Monitor"}).code == UNWILLING_TO_PERFORM
    assert root.add("cn=x,cn=monitor", {"objectClass": "organizationalRole", "cn": "x"}).code == UNWILLING_TO_PERFORM
    assert root.modify("cn=Max,cn=Threads,cn=Monitor", ("replace", "description", "x")).code in (NO_SUCH_OBJECT, UNWILLING_TO_PERFORM)
    assert root.delete("cn=Max,cn=Threads,cn=Monitor").code in (NO_SUCH_OBJECT, UNWILLING_TO_PERFORM)


def test_access_rules_may_open_it(tmp_path):
    """To an identity of monitoring, and only what it needs."""
    rules = tmp_path / "rules.access"
    rules.write_text('access to attrs=userPassword by anonymous auth by * none\n'
                     'access to dn.subtree="cn=connections,cn=monitor" by * none\n'
                     'access to dn.subtree="cn=monitor" attrs=entry,objectClass,monitorCounter by dn.base="uid=zmnginx,cn=appaccts,cn=zimbra" read by * none\n'
                     'access to dn.subtree="cn=monitor" by * none\n'
                     'access to * by users read\n')
    server = Muster(tmp_path / "server", ["--sample"], rules=rules).start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
            assert root.password("uid=zmnginx,cn=appaccts,cn=zimbra", None, "nginx").code == SUCCESS
            assert root.search("cn=Connections,cn=Monitor").code == SUCCESS
        with Client(server.url, "uid=zmnginx,cn=appaccts,cn=zimbra", "nginx") as client:
            assert client.read("cn=Bytes,cn=Statistics,cn=Monitor", ["*", "+"]).only.keys() == {"objectClass", "monitorCounter"}
            assert client.search("cn=Connections,cn=Monitor").entries == []
            assert client.search(MONITOR, "sub", "(monitoredInfo=*)").entries == [], "what one may not search for is not found"
        with Client(server.url) as anonymous:
            assert anonymous.search(MONITOR).entries == []
    finally:
        server.stop()


def test_certificates(tmp_path):
    authority = Authority(tmp_path / "authority")
    shown = authority.issue("localhost", "127.0.0.1")
    server = Muster(tmp_path / "server", ["--listen", "ldaps://127.0.0.1:0"],
                    {"MUSTER_TLS_CERTIFICATE": str(shown.certificate), "MUSTER_TLS_KEY": str(shown.key)}).start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
            certificate = root.read("cn=Certificate 0,cn=TLS,cn=Monitor", ["*", "+"]).only
            assert certificate["monitoredInfo"] == [b"CN=localhost"] and certificate["description"] == [str(shown.certificate).encode()]
            assert certificate["monitorTimestamp"][0].decode() > time.strftime("%Y%m%d%H%M%SZ", time.gmtime())
    finally:
        server.stop()
