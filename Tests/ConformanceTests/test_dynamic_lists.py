"""`member` of groupOfURLs: computed from memberURL on read, in compare and in filters."""
import pytest

from client import COMPARE_FALSE, COMPARE_TRUE, NO_SUCH_ATTRIBUTE, SUCCESS, lower_keys


@pytest.fixture
def people(root, branch):
    names = []
    for name, unit in (("anna", "Sales"), ("boris", "Sales"), ("clara", "Legal"), ("dora", "Sales")):
        dn = f"uid={name},{branch}"
        assert root.add(dn, {"objectClass": "inetOrgPerson", "uid": name, "cn": name, "sn": name, "ou": unit}).code == SUCCESS
        names.append(dn)
    return names


def group(client, branch, *urls, name="list", **more):
    dn = f"cn={name},{branch}"
    result = client.add(dn, dict({"objectClass": "groupOfURLs", "cn": name, "memberURL": list(urls)}, **more))
    assert result.code == SUCCESS, result
    return dn


def members(client, dn, attributes=("member",)):
    found = lower_keys(client.read(dn, list(attributes) if attributes else None).only)
    return sorted(v.decode() for v in found.get("member", []))


@pytest.mark.parametrize("attributes", [("member",), ("*",), None, ("cn", "member")])
def test_read(root, branch, people, attributes):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert members(root, dn, attributes) == sorted([people[0], people[1], people[3]])


@pytest.mark.parametrize("attributes", [("cn",), ("memberURL",), ("1.1",)])
def test_not_when_it_is_not_asked_for(root, branch, people, attributes):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert members(root, dn, attributes) == []


def test_follows_changes_at_once(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    root.modify(people[2], ("replace", "ou", "Sales"))
    root.delete(people[0])
    assert members(root, dn) == sorted([people[1], people[2], people[3]])
    root.modify(dn, ("replace", "memberURL", f"ldap:///{branch}??sub?(uid=boris)"))
    assert members(root, dn) == [people[1]]


def test_scopes_of_the_url(root, branch, people):
    root.add(f"uid=below,{people[0]}", {"objectClass": "inetOrgPerson", "uid": "below", "cn": "b", "sn": "b", "ou": "Sales"})
    assert members(root, group(root, branch, f"ldap:///{branch}??one?(ou=Sales)", name="one")) == sorted([people[0], people[1], people[3]])
    assert members(root, group(root, branch, f"ldap:///{people[0]}??base?(ou=Sales)", name="base")) == [people[0]]
    assert len(members(root, group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)", name="sub"))) == 4


def test_several_urls(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=anna)", f"ldap:///{branch}??sub?(|(uid=anna)(uid=clara))")
    assert members(root, dn) == sorted([people[0], people[2]])


def test_nobody(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(uid=nobody)")
    assert members(root, dn) == []
    assert root.read(dn).code == SUCCESS


def test_base_with_escapes(root, branch, people):
    quoted = branch.replace("=", "%3D").replace(",", "%2c")
    assert members(root, group(root, branch, f"ldap:///{quoted}??sub?(ou=Sales)")) == sorted([people[0], people[1], people[3]])


def test_base_that_does_not_exist(root, branch):
    assert members(root, group(root, branch, "ldap:///dc=nowhere??sub?(ou=Sales)")) == []


def test_compare(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    assert root.compare(dn, "member", people[0]).code == COMPARE_TRUE
    assert root.compare(dn, "member", people[0].upper()).code == COMPARE_TRUE
    assert root.compare(dn, "member", people[2]).code in (COMPARE_FALSE, NO_SUCH_ATTRIBUTE)


def test_filter(root, branch, people):
    dn = group(root, branch, f"ldap:///{branch}??sub?(ou=Sales)")
    other = group(root, branch, f"ldap:///{branch}??sub?(ou=Legal)", name="other")
    find = lambda filter: root.search(branch, filter=filter, attributes=["1.1"]).names
    assert find(f"(member={people[0]})") == {dn}
    assert find(f"(member={people[2]})") == {other}
    assert find(f"(&(objectClass=groupOfURLs)(member={people[1]}))") == {dn}
    assert find(f"(member=uid=nobody,{branch})") == set()


def test_the_lists_of_a_mail_directory(root):
    """Groups as Carbonio writes them: members carry the group's id in zimbraMemberOf."""
    groups = root.search("dc=acme,dc=example", filter="(objectClass=zimbraGroup)", attributes=["zimbraId", "member", "memberURL"])
    assert groups.code == SUCCESS and groups.entries
    classic = 0
    for dn, attributes in groups.entries:
        url = attributes["memberURL"][0].decode()
        base, filter = url.split("?")[0][len("ldap:///"):], url.split("?")[3]
        expected = root.search(base, filter=filter, attributes=["1.1"])
        assert sorted(v.decode() for v in attributes.get("member", [])) == sorted(d for d, _ in expected.entries), dn
        classic += "zimbraMemberOf" in url
    assert classic


def test_users_see_members(user, root):
    some = next(dn for dn, a in root.search("dc=acme,dc=example", filter="(objectClass=zimbraGroup)", attributes=["member"]).entries if a.get("member"))
    assert members(user, some) == members(root, some)
