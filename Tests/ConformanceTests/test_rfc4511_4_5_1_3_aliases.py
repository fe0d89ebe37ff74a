"""RFC 4511 section 4.5.1.3: aliases are followed in four ways; loops and broken aliases."""
import pytest

from client import ALIAS_PROBLEM, NO_SUCH_OBJECT, SUCCESS

NEVER, IN_SEARCHING, FINDING_BASE, ALWAYS = range(4)
FOLLOWING_ENTRIES, FOLLOWING_BASE = (IN_SEARCHING, ALWAYS), (FINDING_BASE, ALWAYS)


@pytest.fixture(scope="module")
def tree(server, root):
    """ou=a with two people; ou=b with aliases to it, to each other, to nothing; ou=c with an alias through an alias."""
    top = "ou=aliases,dc=acme,dc=example"

    def add(rdn, **more):
        name, value = rdn.split(",")[0].split("=")
        entry = {"objectClass": "organizationalUnit", name: value, **more}
        result = root.add(f"{rdn},{top}" if rdn != "ou=aliases" else top, entry)
        assert result.code == SUCCESS, (rdn, result)

    def alias(rdn, target):
        add(rdn, objectClass=["alias", "extensibleObject"], aliasedObjectName=f"{target},{top}")

    add("ou=aliases")
    for unit in ("a", "b", "c", "d"):
        add(f"ou={unit}")
    for person in ("p1", "p2"):
        add(f"cn={person},ou=a", objectClass="person", sn=person)
    add("cn=p3,ou=d", objectClass="person", sn="p3")
    alias("cn=to a,ou=b", "ou=a")
    alias("cn=to p1,ou=b", "cn=p1,ou=a")
    alias("cn=to to p1,ou=b", "cn=to p1,ou=b")
    alias("cn=loop1,ou=b", "cn=loop2,ou=b")
    alias("cn=loop2,ou=b", "cn=loop1,ou=b")
    alias("cn=self,ou=b", "cn=self,ou=b")
    alias("cn=broken,ou=b", "cn=nothing")
    alias("cn=to b,ou=b", "ou=b")
    alias("cn=through,ou=c", "cn=p1,cn=to a,ou=b")
    alias("cn=to d,ou=a", "ou=d")
    yield top
    root.remove_tree(top)


ALIASES = {f"cn={n},ou=b" for n in ("to a", "to p1", "to to p1", "loop1", "loop2", "self", "broken", "to b")}
A, D = {"ou=a", "cn=p1,ou=a", "cn=p2,ou=a"}, {"ou=d", "cn=p3,ou=d"}


def found(root, top, base, scope, dereference, **more):
    result = root.search(f"{base},{top}", scope, attributes=["1.1"], dereference=dereference, **more)
    names = [n.lower().removesuffix("," + top) for n, _ in result.entries]
    assert len(names) == len(set(names)), "an entry was sent twice"
    return result.code, set(names)


@pytest.mark.parametrize("dereference", range(4))
@pytest.mark.parametrize("scope", ["base", "one", "sub", "children"])
def test_scopes(root, tree, scope, dereference):
    follows = dereference in FOLLOWING_ENTRIES
    expected = {
        "base": {"ou=b"},
        "one": {"ou=a", "cn=p1,ou=a"} if follows else ALIASES,
        "sub": {"ou=b"} | (A | D if follows else ALIASES),
        "children": {"cn=p1,ou=a", "cn=p2,ou=a", "cn=p3,ou=d"} if follows else ALIASES,
    }[scope]
    assert found(root, tree, "ou=b", scope, dereference) == (SUCCESS, expected)


@pytest.mark.parametrize("dereference", range(4))
def test_filters_and_limits_are_about_what_aliases_lead_to(root, tree, dereference):
    expected = {"cn=p1,ou=a"} if dereference in FOLLOWING_ENTRIES else set()
    assert found(root, tree, "ou=b", "sub", dereference, filter="(&(objectClass=person)(cn=p1))") == (SUCCESS, expected)
    assert found(root, tree, "ou=b", "sub", dereference, filter="(objectClass=alias)") == (
        SUCCESS, set() if dereference in FOLLOWING_ENTRIES else ALIASES)


@pytest.mark.parametrize("dereference", range(4))
@pytest.mark.parametrize("base,entry,below", [
    ("cn=to a,ou=b", "ou=a", {"cn=p1,ou=a", "cn=p2,ou=a", "cn=to d,ou=a"}), ("cn=to p1,ou=b", "cn=p1,ou=a", set()), ("cn=to to p1,ou=b", "cn=p1,ou=a", set())])
def test_base_that_is_an_alias(root, tree, base, entry, below, dereference):
    if dereference in FOLLOWING_BASE:
        assert found(root, tree, base, "base", dereference) == (SUCCESS, {entry})
        if dereference == FINDING_BASE:
            assert found(root, tree, base, "one", dereference) == (SUCCESS, below)
    else:
        assert found(root, tree, base, "base", dereference) == (SUCCESS, {base})
        assert found(root, tree, base, "one", dereference) == (SUCCESS, set())
        assert found(root, tree, base, "sub", dereference) == (SUCCESS, {base})


@pytest.mark.parametrize("dereference", range(4))
def test_base_below_an_alias(root, tree, dereference):
    follows = dereference in FOLLOWING_BASE
    assert found(root, tree, "cn=p2,cn=to a,ou=b", "sub", dereference) == ((SUCCESS, {"cn=p2,ou=a"}) if follows else (NO_SUCH_OBJECT, set()))
    for name in ("cn=none,cn=to a,ou=b", "cn=none,cn=none,cn=to a,ou=b"):
        result = root.search(f"{name},{tree}", dereference=dereference)
        assert (result.code, result.matched.lower()) == (NO_SUCH_OBJECT, f"{'ou=a' if follows else 'cn=to a,ou=b'},{tree}")


@pytest.mark.parametrize("dereference", FOLLOWING_BASE)
@pytest.mark.parametrize("base,matched,message", [
    ("cn=loop1,ou=b", "cn=loop1,ou=b", "circular alias"), ("cn=x,cn=loop1,ou=b", "cn=loop1,ou=b", "circular alias"),
    ("cn=self,ou=b", "cn=self,ou=b", "circular alias"), ("cn=broken,ou=b", "cn=broken,ou=b", "aliasedObject not found"),
    ("cn=x,cn=broken,ou=b", "cn=broken,ou=b", "aliasedObject not found"), ("cn=through,ou=c", "cn=through,ou=c", "aliasedObject not found")])
def test_alias_problems(root, tree, base, matched, message, dereference):
    for scope in ("base", "one", "sub", "children"):
        result = root.search(f"{base},{tree}", scope, dereference=dereference)
        assert (result.code, result.matched, result.message, result.entries) == (ALIAS_PROBLEM, f"{matched},{tree}", message, [])


def test_the_target_comes_and_goes(root, tree):
    alias, target = f"cn=late,ou=c,{tree}", f"cn=target,ou=c,{tree}"
    try:
        assert root.add(alias, {"objectClass": ["alias", "extensibleObject"], "cn": "late", "aliasedObjectName": target}).code == SUCCESS
        assert root.read(alias).code == SUCCESS
        assert root.search(alias, "base", dereference=ALWAYS).code == ALIAS_PROBLEM
        assert root.add(target, {"objectClass": "person", "cn": "target", "sn": "x"}).code == SUCCESS
        assert root.search(alias, "base", dereference=ALWAYS).names == {target}
        assert root.modify(alias, ("replace", "aliasedObjectName", "ou=d," + tree)).code == SUCCESS
        assert root.search(alias, "base", dereference=ALWAYS).names == {"ou=d," + tree}
        assert root.delete(alias).code == SUCCESS
        assert root.search(f"ou=c,{tree}", "one", dereference=ALWAYS).names == {target}
    finally:
        root.delete(alias), root.delete(target)


@pytest.mark.muster
def test_pages_of_a_search_that_follows_aliases(root, tree):
    from ldap.controls import SimplePagedResultsControl
    names, cookie = [], ""
    while True:
        page = root.search(f"ou=b,{tree}", attributes=["1.1"], dereference=ALWAYS, controls=[SimplePagedResultsControl(True, 2, cookie)])
        assert page.code == SUCCESS and len(page.entries) <= 2
        names += [n.removesuffix("," + tree) for n, _ in page.entries]
        cookie = page.control("1.2.840.113556.1.4.319").cookie
        if not cookie:
            break
    assert sorted(names) == sorted({"ou=b"} | A | D)
