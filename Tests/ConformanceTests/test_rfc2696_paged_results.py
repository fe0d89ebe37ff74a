"""RFC 2696: the simple paged results control."""
import pytest
from ldap.controls import SimplePagedResultsControl

import wire
from client import (PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, UNWILLING_TO_PERFORM, Client)
from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

OID = "1.2.840.113556.1.4.319"


def pages(client, base, size, filter="(objectClass=*)", scope="sub", attributes=("1.1",), size_limit=0):
    """The pages as lists of names."""
    paging, out = SimplePagedResultsControl(True, size=size, cookie=""), []
    while True:
        result = client.search(base, scope, filter, list(attributes), controls=[paging], size_limit=size_limit)
        out.append([dn for dn, _ in result.entries])
        if result.code != SUCCESS:
            return out, result
        answer = result.control(OID)
        assert answer is not None, "every page carries the control"
        if not answer.cookie:
            return out, result
        paging.cookie = answer.cookie
        assert len(out) < 5000


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 1000])
def test_every_entry_once(user, size):
    got, result = pages(user, PEOPLE, size)
    assert result.code == SUCCESS
    assert all(len(page) <= size for page in got)
    assert all(len(page) == size for page in got[:-1])
    names = [n for page in got for n in page]
    assert len(names) == len(set(names)) == 8


@pytest.mark.parametrize("size", [10, 100, 333])
def test_a_whole_domain(root, size):
    got, result = pages(root, "dc=acme,dc=example", size, attributes=("*",))
    whole = root.search("dc=acme,dc=example", attributes=["1.1"])
    assert {n.lower() for page in got for n in page} == whole.names
    assert sum(map(len, got)) == len(whole.entries)


def test_with_a_selective_filter(root):
    got, _ = pages(root, "", 5, "(&(objectClass=zimbraAccount)(zimbraAccountStatus=active))")
    whole = root.search("", filter="(&(objectClass=zimbraAccount)(zimbraAccountStatus=active))", attributes=["1.1"])
    assert sorted(n for page in got for n in page) == sorted(dn for dn, _ in whole.entries)


def test_nothing_found(user):
    got, result = pages(user, PEOPLE, 10, "(uid=nobody)")
    assert (got, result.code) == ([[]], SUCCESS)


def test_the_size_limit_counts_all_pages(user):
    got, result = pages(user, PEOPLE, 2, size_limit=5)
    assert result.code == SIZE_LIMIT_EXCEEDED
    assert sum(map(len, got)) == 5


def test_size_limit_smaller_than_the_page(user):
    """RFC 2696 section 3: a page size at or above the size limit is ignored."""
    result = user.search(PEOPLE, attributes=["1.1"], size_limit=3, controls=[SimplePagedResultsControl(True, size=100, cookie="")])
    assert (result.code, len(result.entries)) == (SIZE_LIMIT_EXCEEDED, 3)


def test_giving_up_with_size_zero(user):
    first = user.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=2, cookie="")])
    cookie = first.control(OID).cookie
    last = user.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=0, cookie=cookie)])
    assert last.code == SUCCESS and last.entries == []


def test_between_pages_the_connection_does_other_things(user):
    first = user.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=3, cookie="")])
    assert user.read(PEOPLE).code == SUCCESS
    second = user.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(
        True, size=100, cookie=first.control(OID).cookie)])
    assert second.code == SUCCESS and not first.names & second.names and len(first.names | second.names) == 8


def test_entries_that_come_and_go_between_pages(root, branch):
    for i in range(30):
        root.add(f"cn={i:02},{branch}", {"objectClass": "person", "cn": f"{i:02}", "sn": "x"})
    first = root.search(branch, "one", attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=10, cookie="")])
    gone = sorted(root.search(branch, "one", attributes=["1.1"]).names - first.names)[:5]
    for dn in gone:
        root.delete(dn)
    rest, cookie = set(), first.control(OID).cookie
    while cookie:
        page = root.search(branch, "one", attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=10, cookie=cookie)])
        assert page.code == SUCCESS
        assert not rest & page.names
        rest |= page.names
        cookie = page.control(OID).cookie
    assert not rest & first.names
    assert len(first.names | rest) == 25


@pytest.mark.parametrize("cookie", [b"x", b"\0" * 8, b"\xff" * 8, b"\xff" * 16, b"y" * 1000, b"\x01\0\0\0\0\0\0\0"])
def test_forged_cookies(connect, cookie):
    client = connect(ROOT_DN, ROOT_PASSWORD)
    result = client.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=2, cookie=cookie)])
    assert result.code in (SUCCESS, PROTOCOL_ERROR, UNWILLING_TO_PERFORM), result
    assert all(dn.lower().endswith(PEOPLE) for dn, _ in result.entries)


@pytest.mark.parametrize("value", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x05", b"\x30\x06\x02\x01\xff\x04\x01", b"\x04\x01x", b"\x30\x80"])
def test_malformed_values(server, value):
    with wire.Wire(server.address) as connection:
        answer = connection.ask(wire.message(1, wire.search("", 0), wire.control(OID, True, value)))
        assert answer is None or answer.code == PROTOCOL_ERROR


def test_a_cookie_of_another_search(connect):
    client = connect(ROOT_DN, ROOT_PASSWORD)
    first = client.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=2, cookie="")])
    other = client.search("cn=zimbra", filter="(cn=*)", attributes=["1.1"], controls=[SimplePagedResultsControl(
        True, size=2, cookie=first.control(OID).cookie)])
    assert other.code in (SUCCESS, PROTOCOL_ERROR, UNWILLING_TO_PERFORM)
    assert all(dn.lower().endswith("cn=zimbra") for dn, _ in other.entries)


def test_thousands_left_open(server):
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        for _ in range(2000):
            result = client.search(PEOPLE, attributes=["1.1"], controls=[SimplePagedResultsControl(True, size=1, cookie="")])
            assert result.code == SUCCESS
