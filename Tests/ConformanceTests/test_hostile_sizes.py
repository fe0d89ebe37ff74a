"""Hostile input by its size (groups 2, 10 and 12): thousands of connections, a subtree of a hundred thousand, sorting all of it."""
import resource
import socket
import time

import pytest
from ldap.controls.libldap import SimplePagedResultsControl
from ldap.controls.sss import SSSRequestControl

from client import ADMIN_LIMIT_EXCEEDED, SUCCESS, TIME_LIMIT_EXCEEDED, UNWILLING_TO_PERFORM, Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster

pytestmark = pytest.mark.muster
CROWD = 100_000


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    ldif = folder / "crowd.ldif"
    with open(ldif, "w") as file:
        file.write("dn: dc=crowd\nobjectClass: dcObject\nobjectClass: organization\no: crowd\ndc: crowd\n\n"
                   "dn: ou=all,dc=crowd\nobjectClass: organizationalUnit\nou: all\n\n"
                   "dn: ou=other,dc=crowd\nobjectClass: organizationalUnit\nou: other\n\n")
        for i in range(CROWD):
            file.write(f"dn: cn=somebody {i:06},ou=all,dc=crowd\nobjectClass: person\ncn: somebody {i:06}\nsn: {i * 7919 % CROWD}\ndescription: {i * 31 % 977}\n\n")
    server = Muster(folder / "server")
    server.load(ldif)
    server.start()
    yield server
    server.stop()


def served(server, base, within=5):
    """A normal client is served within a bound."""
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        started = time.monotonic()
        assert client.search(base, "one", "(cn=somebody 012345)").names == {f"cn=somebody 012345,{base}"}
        assert time.monotonic() - started < within


def test_2_thousands_of_idle_connections(crowd):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 4000 if hard == resource.RLIM_INFINITY else min(4000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 400), hard))
    before, idle = crowd.resident_kib(), []
    try:
        for _ in range(count):
            idle.append(socket.create_connection(crowd.address))
        served(crowd, "ou=all,dc=crowd")
        assert crowd.resident_kib() - before < 16 * count
    finally:
        for one in idle:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    served(crowd, "ou=all,dc=crowd")


def test_10_a_subtree_of_a_hundred_thousand_is_renamed(crowd):
    """Names lie with the entries' own places: a new name of the top is one change."""
    with Client(crowd.url, ROOT_DN, ROOT_PASSWORD) as client:
        started = time.monotonic()
        assert client.rename("ou=all,dc=crowd", "ou=everybody").code == SUCCESS
        assert client.rename("ou=everybody,dc=crowd", "ou=everybody", "ou=other,dc=crowd").code == SUCCESS
        assert time.monotonic() - started < 5
        served(crowd, "ou=everybody,ou=other,dc=crowd")
        assert client.search("dc=crowd", "sub", "(cn=somebody 099999)").names == {"cn=somebody 099999,ou=everybody,ou=other,dc=crowd"}
        assert client.rename("ou=everybody,ou=other,dc=crowd", "ou=all", "dc=crowd").code == SUCCESS
    assert b"no differences" in crowd.check().stdout


@pytest.mark.parametrize("key", ["sn", "-sn", "description", "cn"])
def test_12_all_of_it_is_sorted_or_refused(crowd, key):
    """With bounded memory, and others are served meanwhile."""
    before = crowd.resident_kib()
    with Client(crowd.url, ROOT_DN, ROOT_PASSWORD, timeout=60) as client:
        asked = [client.connection.search_ext("dc=crowd", 2, "(objectClass=person)", ["1.1"], serverctrls=[
            SSSRequestControl(True, [key]), SimplePagedResultsControl(True, size=10, cookie="")]) for _ in range(8)]
        served(crowd, "ou=all,dc=crowd", within=10)
        for message in asked:
            try:
                _, data, _, _ = client.connection.result3(message, timeout=60)
                assert len(data) == 10
            except Exception as error:
                assert error.args[0]["result"] in (ADMIN_LIMIT_EXCEEDED, TIME_LIMIT_EXCEEDED, UNWILLING_TO_PERFORM), error
    assert crowd.resident_kib() - before < 200_000
    served(crowd, "ou=all,dc=crowd")
