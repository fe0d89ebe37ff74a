"""RFC 4511 section 4.8 (delete) and the tree delete control."""
import pytest

from client import (INVALID_DN_SYNTAX, NO_SUCH_OBJECT, NOT_ALLOWED_ON_NON_LEAF, SUCCESS, UNWILLING_TO_PERFORM, control)

TREE_DELETE = "1.2.840.113556.1.4.805"


def test_delete_a_leaf(root, branch, person):
    assert root.delete(person).code == SUCCESS
    assert root.read(person).code == NO_SUCH_OBJECT
    assert root.search(branch, "one", "(cn=grace hopper)").entries == []
    assert root.delete(person).code == NO_SUCH_OBJECT


def test_an_entry_with_children_stays(root, branch, person):
    assert root.delete(branch).code == NOT_ALLOWED_ON_NON_LEAF
    assert root.read(person).code == SUCCESS


def test_names(root, branch):
    result = root.delete("cn=x,cn=y," + branch)
    assert (result.code, result.matched) == (NO_SUCH_OBJECT, branch)
    assert root.delete("nonsense").code == INVALID_DN_SYNTAX


def test_the_name_is_free_again(root, branch, person):
    assert root.delete(person).code == SUCCESS
    assert root.add(person, {"objectClass": "person", "cn": "Grace Hopper", "sn": "H"}).code == SUCCESS
    assert "telephoneNumber" not in root.read(person).only


@pytest.mark.parametrize("dn", ["", "cn=config", "cn=subschema"])
def test_what_cannot_be_deleted(root, dn):
    assert root.delete(dn).code in (UNWILLING_TO_PERFORM, NO_SUCH_OBJECT, 50, NOT_ALLOWED_ON_NON_LEAF)
    assert root.read("").code == SUCCESS
    assert root.read("cn=subschema").code == SUCCESS


@pytest.mark.muster
class TestTreeDelete:
    @pytest.fixture
    def tree(self, root, branch):
        top = "ou=top," + branch
        root.add(top, {"objectClass": "organizationalUnit", "ou": "top"})
        for i in range(5):
            root.add(f"ou=mid{i},{top}", {"objectClass": "organizationalUnit", "ou": f"mid{i}"})
            for j in range(20):
                root.add(f"cn=leaf{j},ou=mid{i},{top}", {"objectClass": "person", "cn": f"leaf{j}", "sn": "x"})
        return top

    def test_deletes_all_below(self, root, branch, tree):
        assert root.delete(tree, controls=[control(TREE_DELETE, True)]).code == SUCCESS
        assert root.search(branch, "children").entries == []
        assert root.search(branch, "sub", "(sn=x)").entries == []

    def test_a_leaf_too(self, root, person):
        assert root.delete(person, controls=[control(TREE_DELETE, True)]).code == SUCCESS

    def test_needs_the_right(self, user, root, tree):
        assert user.delete(tree, controls=[control(TREE_DELETE, True)]).code == 50
        assert len(root.search(tree).entries) == 106
