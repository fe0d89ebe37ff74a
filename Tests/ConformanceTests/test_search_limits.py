"""RFC 4511 section 4.5.1.4 and 4.5.1.5: limits of the client, of certain clients, of the server; the result code and the part of the result."""
import json

import pytest

from client import SIZE_LIMIT_EXCEEDED, SUCCESS, Client
from conftest import PEOPLE
from ldap.controls import SimplePagedResultsControl
from servers import ROOT_DN, ROOT_PASSWORD, Muster

ADA, CHLOE = f"uid=ada,{PEOPLE}", f"uid=chloe,{PEOPLE}"


@pytest.fixture(scope="module")
def limited(tmp_path_factory, generated):
    folder = tmp_path_factory.mktemp("limited")
    (folder / "muster.json").write_text(json.dumps({"limits": {"searchSize": 50, "searches": [
        f'dn.exact="{ADA}" size=3', f'dn.children="{PEOPLE}" size.soft=2 size.hard=4 time.soft=5 time.hard=10', "anonymous size=1"]}}))
    server = Muster(folder, ["--config", str(folder / "muster.json")])
    from conftest import HERE
    server.load(generated, HERE / "people.ldif")
    server.start()
    yield server
    server.stop()


@pytest.mark.muster
@pytest.mark.parametrize("dn,password,expected", [
    (None, None, {0: 1, 1: 1, 2: 1, 100: 1}), (ADA, "lovelace", {0: 3, 1: 1, 2: 2, 4: 3, 100: 3}),
    (CHLOE, "secret3", {0: 2, 1: 1, 3: 3, 4: 4, 100: 4}), (ROOT_DN, ROOT_PASSWORD, {1: 1, 60: 60})])
def test_size_limits(limited, dn, password, expected):
    """As slapd: the soft limit unless the client asks, its request up to the hard limit; none for the root identity."""
    with Client(limited.url, dn, password) as client:
        base = "" if dn else "cn=subschema"
        for asked, sent in expected.items():
            result = client.search(base, "sub" if dn else "base", attributes=["1.1"], size_limit=asked)
            if dn:
                assert (result.code, len(result.entries)) == (SIZE_LIMIT_EXCEEDED, sent), asked


@pytest.mark.muster
def test_pages_go_on_to_the_hard_limit(limited):
    with Client(limited.url, CHLOE, "secret3") as client:
        sent, cookie = 0, ""
        while True:
            page = client.search("", attributes=["1.1"], controls=[SimplePagedResultsControl(True, 3, cookie)])
            sent += len(page.entries)
            cookie = page.control("1.2.840.113556.1.4.319").cookie if page.code == SUCCESS else None
            if not cookie:
                break
        assert (page.code, sent) == (SIZE_LIMIT_EXCEEDED, 4)


@pytest.mark.muster
@pytest.mark.parametrize("rule", ["nobody size=1", "users", "users size=x", "users size=0", "users speed=1", 'dn.exact="x" size=1', "users size"])
def test_rules_that_are_none(tmp_path, rule):
    (tmp_path / "muster.json").write_text(json.dumps({"limits": {"searches": [rule]}}))
    server = Muster(tmp_path, ["--config", str(tmp_path / "muster.json")])
    run = server.command("serve", "--data", server.data, "--config", tmp_path / "muster.json", check=False)
    assert run.returncode != 0 and b"limits" in run.stderr
