"""Uniqueness over the whole tree of mail, zimbraId and DKIMSelector, each for itself, as configured constraints."""
import pytest

from client import CONSTRAINT_VIOLATION, SUCCESS
from conftest import PEOPLE

UNIQUE = {"mail": "unique@test.example", "zimbraId": "unique-id", "DKIMSelector": "unique-selector"}


def entry(name, **more):
    return dict({"objectClass": ["inetOrgPerson", "zimbraAccount", "DKIM"], "uid": name, "cn": name, "sn": name,
                 "zimbraAccountStatus": "active", "zimbraId": "id-" + name, "DKIMSelector": "selector-" + name,
                 "DKIMKey": "k", "DKIMPublicKey": "k"}, **more)


@pytest.fixture(params=sorted(UNIQUE))
def attribute(request):
    return request.param


@pytest.fixture
def first(root, branch, attribute):
    assert root.add("uid=first," + branch, entry("first", **{attribute: UNIQUE[attribute]})).code == SUCCESS


def test_add(root, branch, attribute, first):
    result = root.add("uid=second," + branch, entry("second", **{attribute: UNIQUE[attribute]}))
    assert result.code == CONSTRAINT_VIOLATION and result.message


def test_add_in_another_branch(root, attribute, first):
    dn = "uid=second,cn=admins,cn=zimbra"
    assert root.add(dn, entry("second", **{attribute: UNIQUE[attribute]})).code == CONSTRAINT_VIOLATION


def test_add_in_another_case(root, branch, attribute, first):
    result = root.add("uid=second," + branch, entry("second", **{attribute: UNIQUE[attribute].upper()}))
    assert result.code in (CONSTRAINT_VIOLATION, SUCCESS)
    folded = root.search(branch, filter=f"({attribute}={UNIQUE[attribute].upper()})", attributes=["1.1"])
    assert (result.code == CONSTRAINT_VIOLATION) == (len(folded.entries) == 1 and "uid=first," in folded.entries[0][0]), \
        "the attribute's own equality rule decides"


def test_modify(root, branch, attribute, first):
    assert root.add("uid=second," + branch, entry("second")).code == SUCCESS
    for kind in ("add", "replace"):
        change = (kind, attribute, UNIQUE[attribute])
        result = root.modify("uid=second," + branch, change)
        assert result.code == CONSTRAINT_VIOLATION, result


def test_keeping_the_own_value(root, branch, attribute, first):
    assert root.modify("uid=first," + branch, ("replace", attribute, UNIQUE[attribute]), ("replace", "title", "x")).code == SUCCESS
    assert root.modify("uid=first," + branch, ("replace", "title", "y")).code == SUCCESS
    assert root.rename("uid=first," + branch, "uid=renamed").code == SUCCESS


def test_value_given_free(root, branch, attribute, first):
    assert root.modify("uid=first," + branch, ("replace", attribute, "other-" + attribute)).code == SUCCESS
    assert root.add("uid=second," + branch, entry("second", **{attribute: UNIQUE[attribute]})).code == SUCCESS
    assert root.delete("uid=second," + branch).code == SUCCESS
    assert root.modify("uid=first," + branch, ("replace", attribute, UNIQUE[attribute])).code == SUCCESS


def test_of_several_values_each_counts(root, branch):
    assert root.add("uid=a," + branch, entry("a", mail=["a1@u.example", "a2@u.example"])).code == SUCCESS
    assert root.add("uid=b," + branch, entry("b", mail=["b1@u.example", "A2@u.example"])).code == CONSTRAINT_VIOLATION
    assert root.add("uid=b," + branch, entry("b", mail=["b1@u.example"])).code == SUCCESS
    assert root.modify("uid=b," + branch, ("add", "mail", ["b2@u.example", "a1@u.example"])).code == CONSTRAINT_VIOLATION


def test_other_attributes_may_repeat(root, branch):
    assert root.add("uid=a," + branch, entry("a", zimbraMailAlias="same@u.example", displayName="same")).code == SUCCESS
    assert root.add("uid=b," + branch, entry("b", zimbraMailAlias="same@u.example", displayName="same")).code == SUCCESS


def test_imported_values_count(root, branch):
    assert root.add("uid=x," + branch, entry("x", mail="ada@conformance.example")).code == CONSTRAINT_VIOLATION
