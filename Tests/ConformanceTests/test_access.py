"""Simple access rules (`Benchmarks/oracle/slapd.acl.initial`), with which most of these tests run: anonymous clients see the root DSE and the subschema and may bind; whoever is bound reads
everything but userPassword; cn=config and the entries below cn=admins,cn=zimbra write; everybody may change their own password."""
import pytest

from client import (COMPARE_TRUE, INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT, SUCCESS, lower_keys)
from conftest import PEOPLE

ADA, BOB = "uid=ada," + PEOPLE, "uid=bob," + PEOPLE
REFUSED = (INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT)


@pytest.mark.parametrize("base", ["dc=example", ADA, "cn=zimbra", "uid=nobody," + PEOPLE, "dc=nowhere"])
@pytest.mark.parametrize("scope", ["base", "one", "sub"])
def test_anonymous_clients_cannot_tell_what_exists(anonymous, base, scope):
    result = anonymous.search(base, scope, attributes=["*"])
    assert (result.code, result.matched, result.entries) == (NO_SUCH_OBJECT, "", [])


def test_anonymous_clients_find_nothing_in_the_tree(anonymous):
    for scope in ("one", "sub", "children"):
        assert anonymous.search("", scope, attributes=["1.1"]).entries == []
        assert anonymous.search("", scope, "(uid=ada)").entries == []


def test_anonymous_clients_see_root_dse_and_subschema(anonymous):
    assert anonymous.read("", ["*", "+"]).code == SUCCESS
    assert anonymous.read("cn=subschema", ["+"]).code == SUCCESS


def test_anonymous_clients_change_nothing(anonymous, root, person):
    assert anonymous.modify(person, ("replace", "description", "x")).code in REFUSED + (8,)
    assert anonymous.delete(person).code in REFUSED + (8,)
    assert anonymous.rename(person, "cn=x").code in REFUSED + (8,)
    assert anonymous.add("cn=x," + PEOPLE, {"objectClass": "person", "cn": "x", "sn": "x"}).code in REFUSED + (8,)
    assert anonymous.compare(ADA, "cn", "Ada Lovelace").code in REFUSED
    assert root.read(person).code == SUCCESS


def test_users_read_everything_but_passwords(user, root):
    whole = root.search("", attributes=["*", "+"])
    seen = user.search("", attributes=["*", "+"])
    strip = lambda entries: {dn: {k: sorted(v) for k, v in a.items() if k.lower() != "userpassword"} for dn, a in entries}
    assert strip(seen.entries) == strip(whole.entries)
    assert not any("userPassword" in a for _, a in seen.entries)
    assert sum("userPassword" in a for _, a in whole.entries) > 100


@pytest.mark.parametrize("filter", ["(userPassword=*)", "(userPassword=builder)", "(!(userPassword=builder))", "(userPassword;x-y=*)",
                                    "(userPassword:octetStringMatch:=builder)", "(userPassword=b*)"])
def test_passwords_are_no_oracle_in_filters(user, filter):
    result = user.search(BOB, "base", filter, ["1.1"])
    assert (result.code, result.entries) == (SUCCESS, [])


@pytest.mark.parametrize("dn", [ADA, BOB])
def test_passwords_are_not_read(user, dn):
    assert "userPassword" not in user.read(dn, ["userPassword", "*"]).only
    assert lower_keys(user.read(dn, ["@inetOrgPerson"]).only).get("userpassword") is None
    assert user.search(dn, "base", attributes=["userPassword"], types_only=True).only == {}


def test_passwords_are_not_compared(user):
    right, wrong = user.compare(BOB, "userPassword", "builder"), user.compare(BOB, "userPassword", "wrong")
    assert right.code == wrong.code == INSUFFICIENT_ACCESS_RIGHTS


def test_users_change_nothing(user, root, person):
    # When somebody bound last may still be on its way into an entry.
    whole = lambda: [(dn, {k: v for k, v in a.items() if k != "zimbraLastLogonTimestamp"}) for dn, a in root.search("", attributes=["*", "+"]).entries]
    before = whole()
    for dn in (person, ADA, "cn=zimbra"):
        assert user.modify(dn, ("replace", "description", "x")).code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.delete(person).code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.rename(person, "cn=x").code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.add("cn=x," + ADA, {"objectClass": "person", "cn": "x", "sn": "x"}).code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.modify(BOB, ("replace", "userPassword", "taken")).code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.modify(ADA, ("replace", "userPassword", "x"), ("replace", "title", "x")).code == INSUFFICIENT_ACCESS_RIGHTS
    assert whole() == before


def test_what_is_not_there_is_not_there(user):
    assert user.delete("uid=nobody," + PEOPLE).code == NO_SUCH_OBJECT
    assert user.modify("uid=nobody," + PEOPLE, ("replace", "title", "x")).code == NO_SUCH_OBJECT
    # The right to change what stands below the parent is asked for first.
    assert user.rename("uid=nobody," + PEOPLE, "uid=x").code == INSUFFICIENT_ACCESS_RIGHTS
    assert user.rename("uid=nobody,ou=nowhere," + PEOPLE, "uid=x").code == NO_SUCH_OBJECT


def test_administrators_write(admin, root, branch):
    dn = "cn=By Admin," + branch
    assert admin.add(dn, {"objectClass": "person", "cn": "By Admin", "sn": "x"}).code == SUCCESS
    assert admin.modify(dn, ("add", "description", "x")).code == SUCCESS
    assert admin.compare(dn, "description", "x").code == COMPARE_TRUE
    assert admin.rename(dn, "cn=Renamed").code == SUCCESS
    assert admin.delete("cn=Renamed," + branch).code == SUCCESS


def test_every_entry_below_admins_writes(root, connect, branch):
    replica = "uid=zmreplica,cn=admins,cn=zimbra"
    client = connect(replica, "zimbra")
    assert client.modify(branch, ("replace", "description", "by zmreplica")).code == SUCCESS


def test_the_container_of_administrators_is_none(root, connect, branch):
    """Other system accounts read, and no more."""
    client = connect("uid=zmpostfix,cn=appaccts,cn=zimbra", "zmpass")
    assert client.read(ADA).code == SUCCESS
    assert client.modify(branch, ("replace", "description", "x")).code == INSUFFICIENT_ACCESS_RIGHTS


def test_rights_follow_the_name(root, connect, branch):
    """Who is moved below cn=admins,cn=zimbra writes from then on, under the new name."""
    root.add("uid=new," + branch, {"objectClass": "inetOrgPerson", "uid": "new", "cn": "new", "sn": "new", "userPassword": "pw"})
    try:
        assert connect("uid=new," + branch, "pw").modify(branch, ("replace", "description", "x")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert root.rename("uid=new," + branch, "uid=new", "cn=admins,cn=zimbra").code == SUCCESS
        assert connect("uid=new,cn=admins,cn=zimbra", "pw").modify(branch, ("replace", "description", "x")).code == SUCCESS
    finally:
        root.delete("uid=new,cn=admins,cn=zimbra")
