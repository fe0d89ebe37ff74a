"""RFC 3296: referral entries in searches and compares, manageDsaIT; the referral of names outside the tree."""
import re

import pytest

from client import COMPARE_FALSE, NO_SUCH_OBJECT, REFERRAL, SUCCESS, Client, control
from servers import ROOT_DN, ROOT_PASSWORD, Muster

DSA = "2.16.840.1.113730.3.4.2"
SUBENTRIES = "1.3.6.1.4.1.4203.1.10.1"


@pytest.fixture(scope="module")
def tree(server, root):
    top = "ou=referrals,dc=acme,dc=example"
    dsa = [control(DSA, True)]

    def add(rdn, **more):
        name, value = rdn.split(",")[0].split("=")
        result = root.add(f"{rdn},{top}" if rdn != "ou=referrals" else top, {name: value, **more}, controls=dsa)
        assert result.code == SUCCESS, (rdn, result)

    add("ou=referrals", objectClass="organizationalUnit")
    add("cn=one", objectClass=["referral", "extensibleObject"], ref=["ldap://other.example:1234/ou=x,dc=other", "ldap://second.example"])
    add("cn=two", objectClass=["referral", "extensibleObject"], ref="ldap://other.example/ou=x,dc=other??one?(cn=a) a label")
    add("cn=person", objectClass="person", sn="person")
    add("cn=sub", objectClass=["subentry", "extensibleObject"], subtreeSpecification="{}")
    yield top
    for rdn in ("cn=two", "cn=one", "cn=person", "cn=sub"):
        assert root.delete(f"{rdn},{top}", controls=dsa).code == SUCCESS
    root.delete(top)


def names(result, top):
    return {n.lower().removesuffix("," + top) for n, _ in result.entries}


@pytest.mark.parametrize("filter", ["(objectClass=*)", "(cn=none)", "(!(objectClass=*))"])
@pytest.mark.parametrize("scope,url", [("one", "base"), ("sub", "sub"), ("children", "sub")])
def test_references_whatever_the_filter(root, tree, scope, url, filter):
    result = root.search(tree, scope, filter, ["1.1"])
    assert result.code == SUCCESS
    assert sorted(result.references) == [
        ["ldap://other.example/ou=x,dc=other??one?(cn=a)"],
        [f"ldap://other.example:1234/ou=x,dc=other??{url}", f"ldap://second.example/cn=one,{tree}??{url}"]]
    assert not {"cn=one", "cn=two"} & names(result, tree)


@pytest.mark.parametrize("scope,expected", [
    ("base", {"ou=referrals"}), ("one", {"cn=one", "cn=two", "cn=person"}),
    ("sub", {"ou=referrals", "cn=one", "cn=two", "cn=person"}), ("children", {"cn=one", "cn=two", "cn=person"})])
def test_manage_dsa_it(root, tree, scope, expected):
    result = root.search(tree, scope, controls=[control(DSA, True)])
    expected = {tree if n == "ou=referrals" else n for n in expected}
    assert (result.code, result.references, names(result, tree)) == (SUCCESS, [], expected)


@pytest.mark.parametrize("scope,word", [("base", "base"), ("one", "one"), ("sub", "sub"), ("children", "subordinate")])
def test_base_that_is_a_referral(root, tree, scope, word):
    for prefix in ("", "cn=q,", "cn=r,cn=q,"):
        result = root.search(f"{prefix}cn=one,{tree}", scope)
        assert (result.code, result.matched) == (REFERRAL, "cn=one," + tree)
        assert result.message == f"Referral:\nldap://other.example:1234/{prefix}ou=x,dc=other??{word}"
    assert root.search("cn=two," + tree, scope).message == "Referral:\nldap://other.example/ou=x,dc=other??one?(cn=a)"


def test_base_that_is_a_referral_with_manage_dsa_it(root, tree):
    dsa = [control(DSA, True)]
    assert names(root.read("cn=one," + tree, controls=dsa), tree) == {"cn=one"}
    assert names(root.search("cn=two," + tree, controls=dsa), tree) == {"cn=two"}


@pytest.mark.difference("RFC 3296 section 3: with the control no referral is made of a referral entry; slapd refers names below it all the same")
def test_below_a_referral_with_manage_dsa_it(root, tree):
    for result in (root.read("cn=q,cn=one," + tree, controls=[control(DSA, True)]),
                   root.compare("cn=q,cn=one," + tree, "cn", "q", controls=[control(DSA, True)])):
        assert (result.code, result.matched) == (NO_SUCH_OBJECT, "cn=one," + tree)


@pytest.mark.muster
def test_an_entry_that_is_held_below_a_referral(root, tree):
    below = "cn=below,cn=two," + tree
    assert root.add(below, {"objectClass": "person", "cn": "below", "sn": "x"}, controls=[control(DSA, True)]).code == SUCCESS
    try:
        assert names(root.read(below), tree) == {"cn=below,cn=two"}
        assert root.read("cn=z," + below).code == NO_SUCH_OBJECT
    finally:
        assert root.delete(below, controls=[control(DSA, True)]).code == SUCCESS


def test_compare(root, tree):
    for prefix in ("", "cn=q,"):
        result = root.compare(f"{prefix}cn=one,{tree}", "cn", "q")
        assert (result.code, result.matched, result.message) == (
            REFERRAL, "cn=one," + tree, f"Referral:\nldap://other.example:1234/{prefix}ou=x,dc=other")
    assert root.compare("cn=one," + tree, "cn", "q", controls=[control(DSA, True)]).code == COMPARE_FALSE


def test_size_limit_counts_entries_only(root, tree):
    result = root.search(tree, "one", "(cn=person)", size_limit=1)
    assert (result.code, len(result.entries), len(result.references)) == (SUCCESS, 1, 2)


def test_who_may_not_read_a_referral_gets_no_reference(connect, tree):
    result = connect().search(tree, "one")
    assert result.code in (SUCCESS, NO_SUCH_OBJECT) and result.references == []


def test_domain_scope(root, tree):
    """Active Directory's control: no references."""
    result = root.search(tree, "one", "(cn=*)", controls=[control("1.2.840.113556.1.4.1339", True)])
    assert (result.code, result.references, names(result, tree)) == (SUCCESS, [], {"cn=person"})


# --- subentries (RFC 3672 section 3) ------------------------------------------------------------------------------------------

def test_subentries_are_seen_by_their_name_only(root, tree):
    assert names(root.read("cn=sub," + tree), tree) == {"cn=sub"}
    assert "cn=sub" not in names(root.search(tree, "sub"), tree)
    assert root.search("cn=sub," + tree, "sub").entries == []


def test_subentries_control(root, tree):
    only, without = ([control(SUBENTRIES, True, b"\x01\x01" + v)] for v in (b"\xff", b"\0"))
    for scope in ("one", "sub", "children"):
        assert names(root.search(tree, scope, controls=only), tree) == {"cn=sub"}
        assert "cn=sub" not in names(root.search(tree, scope, controls=without), tree)
        assert root.search(tree, scope, controls=only).references == []
    assert root.read(tree, controls=only).entries == []
    assert root.read("cn=sub," + tree, controls=without).entries == []
    assert names(root.read("cn=sub," + tree, controls=only), tree) == {"cn=sub"}
    assert root.search("cn=sub," + tree, "sub", controls=only).code == SUCCESS


@pytest.mark.parametrize("value", [None, b"", b"\x01\x02\xff\xff", b"\x04\x01\xff", b"\x01\x01\xff\0"])
def test_malformed_subentries_control(root, tree, value):
    result = root.read(tree, controls=[control(SUBENTRIES, True, value)])
    assert result.code == 2 or value == b"\x01\x01\xff\0"


# --- names outside ----------------------------------------------------------------------------------------------------------

@pytest.mark.muster
def test_default_referral(tmp_path, generated):
    server = Muster(tmp_path, environment={"MUSTER_REFERRAL": "ldap://outside.example:389,ldaps://second.example/dc=ignored"})
    server.load(generated)
    server.start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
            for scope, word in (("base", "base"), ("sub", "sub")):
                result = client.search("cn=x,dc=elsewhere", scope)
                assert (result.code, result.matched) == (REFERRAL, "")
                assert re.fullmatch(rf"Referral:\nldap://outside.example:389/cn=x,dc=elsewhere\?\?{word}", result.message)
            assert client.compare("cn=x,dc=elsewhere", "cn", "x").code == REFERRAL
            assert client.search("cn=x,dc=example").code == NO_SUCH_OBJECT
            assert client.search("", "one").code == SUCCESS
    finally:
        server.stop()
