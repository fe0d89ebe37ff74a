"""RFC 4511 section 4.9: modify DN, with and without a new superior, of leaves and of subtrees."""
import pytest

import wire
from client import (ENTRY_ALREADY_EXISTS, INVALID_DN_SYNTAX, NAMING_VIOLATION, NO_SUCH_OBJECT, NOT_ALLOWED_ON_RDN, OBJECT_CLASS_VIOLATION,
                    PROTOCOL_ERROR, SUCCESS, UNDEFINED_ATTRIBUTE_TYPE, UNWILLING_TO_PERFORM, lower_keys)


def cn(client, dn):
    return sorted(lower_keys(client.read(dn, ["cn"]).only)["cn"])


def test_rename_and_delete_the_old_value(root, branch, person):
    assert root.rename(person, "cn=Grace Murray").code == SUCCESS
    assert root.read(person).code == NO_SUCH_OBJECT
    assert cn(root, "cn=Grace Murray," + branch) == [b"Amazing Grace", b"Grace Murray"]


def test_rename_and_keep_the_old_value(root, branch, person):
    assert root.rename(person, "cn=Grace Murray", delete_old=False).code == SUCCESS
    assert cn(root, "cn=Grace Murray," + branch) == [b"Amazing Grace", b"Grace Hopper", b"Grace Murray"]


def test_rename_to_a_value_that_is_there(root, branch, person):
    assert root.rename(person, "cn=Amazing Grace").code == SUCCESS
    assert cn(root, "cn=amazing grace," + branch) == [b"Amazing Grace"]


def test_rename_in_another_spelling(root, branch, person):
    assert root.rename(person, "cn=GRACE HOPPER").code == SUCCESS
    result = root.read(person, ["cn"])
    assert result.entries[0][0] == "cn=GRACE HOPPER," + branch
    assert b"Amazing Grace" in result.only["cn"] and len(result.only["cn"]) == 2


def test_rename_to_another_attribute(root, branch, person):
    assert root.rename(person, "sn=Hopper", delete_old=False).code == SUCCESS
    assert root.read("sn=hopper," + branch).code == SUCCESS


def test_rename_to_several_values(root, branch, person):
    assert root.rename(person, "cn=Grace Hopper+sn=Hopper").code == SUCCESS
    assert root.read("sn=hopper+cn=grace hopper," + branch).code == SUCCESS


def test_searches_find_the_new_name(root, branch, person):
    assert root.rename(person, "cn=Zelda").code == SUCCESS
    assert root.search(branch, filter="(cn=zelda)", attributes=["1.1"]).names == {"cn=zelda," + branch}
    assert root.search(branch, filter="(cn=grace hopper)").entries == []
    assert root.search(branch, filter="(cn=zel*)", attributes=["1.1"]).names == {"cn=zelda," + branch}
    assert root.search(branch, filter=f"(entryDN=cn=Zelda,{branch})", attributes=["1.1"]).names == {"cn=zelda," + branch}


@pytest.fixture
def tree(root, branch):
    for unit in ("from", "to"):
        root.add(f"ou={unit},{branch}", {"objectClass": "organizationalUnit", "ou": unit})
    root.add(f"ou=mid,ou=from,{branch}", {"objectClass": "organizationalUnit", "ou": "mid"})
    for i in range(30):
        root.add(f"cn=leaf{i},ou=mid,ou=from,{branch}", {"objectClass": "person", "cn": f"leaf{i}", "sn": "Leaf"})
    return branch


def test_new_superior(root, branch, person, tree):
    assert root.rename(person, "cn=Grace Hopper", f"ou=to,{branch}").code == SUCCESS
    assert root.read(f"cn=Grace Hopper,ou=to,{branch}").code == SUCCESS
    assert root.read(person).code == NO_SUCH_OBJECT
    assert root.search(f"ou=to,{branch}", "one", attributes=["1.1"]).names == {f"cn=grace hopper,ou=to,{branch}"}


def test_a_subtree_moves_with_its_top(root, branch, tree):
    assert root.rename(f"ou=mid,ou=from,{branch}", "ou=moved", f"ou=to,{branch}").code == SUCCESS
    assert len(root.search(f"ou=to,{branch}", "children", attributes=["1.1"]).entries) == 31
    assert root.search(f"ou=from,{branch}", "children").entries == []
    assert root.search(branch, filter="(cn=leaf7)", attributes=["1.1"]).names == {f"cn=leaf7,ou=moved,ou=to,{branch}"}
    assert root.read(f"cn=leaf7,ou=moved,ou=to,{branch}", ["entryDN"]).only == {
        "entryDN": [f"cn=leaf7,ou=moved,ou=to,{branch}".encode()]}
    assert root.search(branch, filter=f"(entryDN:dnSubtreeMatch:=ou=moved,ou=to,{branch})", attributes=["1.1"]).code == SUCCESS
    assert root.read(f"ou=from,{branch}", ["hasSubordinates"]).only["hasSubordinates"] == [b"FALSE"]


def test_a_subtree_is_renamed_in_place(root, branch, tree):
    assert root.rename(f"ou=from,{branch}", "ou=renamed").code == SUCCESS
    assert len(root.search(f"ou=mid,ou=renamed,{branch}", "one", attributes=["1.1"]).entries) == 30


@pytest.mark.parametrize("where", ["", "ou=mid,"])
def test_not_below_itself(root, branch, tree, where):
    result = root.rename(f"ou=from,{branch}", "ou=from", f"{where}ou=from,{branch}")
    assert result.code == UNWILLING_TO_PERFORM, result
    assert len(root.search(f"ou=from,{branch}", attributes=["1.1"]).entries) == 32
    # By the names alone, whether there is such an entry or not.
    assert root.rename(f"ou=missing,{branch}", "ou=x", f"{where}ou=missing,{branch}").code == UNWILLING_TO_PERFORM


def test_name_that_is_taken(root, branch, tree):
    assert root.rename(f"ou=from,{branch}", "ou=to").code == ENTRY_ALREADY_EXISTS
    assert root.rename(f"ou=from,{branch}", "ou=TO").code == ENTRY_ALREADY_EXISTS
    root.add(f"ou=from,ou=to,{branch}", {"objectClass": "organizationalUnit", "ou": "from"})
    assert root.rename(f"ou=from,{branch}", "ou=from", f"ou=to,{branch}").code == ENTRY_ALREADY_EXISTS


@pytest.mark.parametrize("rdn,code", [
    ("nonsense", INVALID_DN_SYNTAX), ("", INVALID_DN_SYNTAX), ("cn=a,cn=b", INVALID_DN_SYNTAX),
    ("noSuchAttribute=x", INVALID_DN_SYNTAX), ("createTimestamp=x", INVALID_DN_SYNTAX), ("dc=x", OBJECT_CLASS_VIOLATION), ("uid=", None), ("sn=Murray", SUCCESS)])
def test_new_names(root, branch, person, rdn, code):
    result = root.rename(person, rdn, delete_old=False)
    assert result.code == code if code is not None else result.code != SUCCESS, result


def test_the_old_value_may_not_go_if_it_is_mandatory(root, branch):
    dn = "cn=only," + branch
    root.add(dn, {"objectClass": "person", "cn": "only", "sn": "x"})
    assert root.rename(dn, "sn=x", delete_old=True).code == OBJECT_CLASS_VIOLATION
    assert root.read(dn).code == SUCCESS


def test_single_valued_attribute_in_the_name(root, branch):
    dn = "dc=a," + branch
    root.add(dn, {"objectClass": ["organization", "dcObject"], "o": "a", "dc": "a"})
    assert root.rename(dn, "dc=b", delete_old=False).code == 19
    assert root.rename(dn, "dc=b").code == SUCCESS
    assert root.read("dc=b," + branch, ["dc"]).only == {"dc": [b"b"]}


def test_superior_that_does_not_exist(root, branch, person):
    assert root.rename(person, "cn=Grace Hopper", "ou=missing," + branch).code == NO_SUCH_OBJECT
    assert root.rename(person, "cn=Grace Hopper", "nonsense").code == INVALID_DN_SYNTAX
    assert root.read(person).code == SUCCESS


def test_entry_that_does_not_exist(root, branch):
    result = root.rename("cn=x,cn=y," + branch, "cn=z")
    assert result.code == NO_SUCH_OBJECT
    assert result.matched in (branch, ""), "slapd leaves it out"


def test_operational_attributes(root, branch, person):
    before = lower_keys(root.read(person, ["*", "+"]).only)
    assert root.rename(person, "cn=Other").code == SUCCESS
    after = lower_keys(root.read("cn=Other," + branch, ["*", "+"]).only)
    assert after["entryuuid"] == before["entryuuid"]
    assert after["createtimestamp"] == before["createtimestamp"]
    assert after["entrycsn"] > before["entrycsn"]
    assert after["entrydn"] == [("cn=Other," + branch).encode()]


@pytest.mark.difference("slapd takes an empty new superior for none; in RFC 4511 it is the name of the root")
def test_to_the_top_and_back(server, root, branch):
    root.add("ou=mover," + branch, {"objectClass": "organizationalUnit", "ou": "mover"})
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        answer = connection.ask(wire.message(2, wire.modify_dn("ou=mover," + branch, "ou=mover", True, "")))
        assert answer.code == SUCCESS
    assert root.read("ou=mover").code == SUCCESS
    assert root.rename("ou=mover", "ou=mover", branch).code == SUCCESS
    assert root.read("ou=mover," + branch).code == SUCCESS
