"""`memberOf`, and who is in what: static groups, dynamic lists, distribution lists by address (rule 7.2)."""
import pytest

from client import COMPARE_FALSE, COMPARE_TRUE, CONSTRAINT_VIOLATION, SUCCESS, control, lower_keys

pytestmark = pytest.mark.difference("slapd 2.5 with Carbonio's overlays has no memberOf")
CHAIN = "1.2.840.113556.1.4.1941"
RELAX = "1.3.6.1.4.1.4203.666.5.12"


@pytest.fixture
def tree(root, branch):
    """A person and lists of every kind."""
    def add(rdn, **attributes):
        dn = f"{rdn},{branch}"
        name, value = rdn.split("=")
        # The circle of lists, which rule 7.1.2 refuses, may have come with an import.
        result = root.add(dn, {name: value, **attributes}, controls=[control(RELAX, True)])
        assert result.code == SUCCESS, result
        return dn

    def mail(name):
        return f"{name}.{branch[3:].split(',')[0]}@acme.example"

    def distribution_list(name, *addresses):
        return add(f"uid={name}", objectClass=["zimbraDistributionList", "zimbraMailRecipient"], zimbraId=mail(name), mail=mail(name), zimbraMailAlias=mail(name),
                   zimbraMailStatus="enabled", zimbraMailForwardingAddress=list(addresses))

    tree = {}
    tree["anna"] = add("uid=anna", objectClass=["inetOrgPerson", "zimbraAccount"], cn="anna", sn="anna", ou="Sales", zimbraId=mail("anna"),
                       zimbraAccountStatus="active", mail=[mail("anna"), mail("a")], zimbraMailDeliveryAddress=mail("anna"), zimbraMailAlias=mail("a"))
    tree["boris"] = add("uid=boris", objectClass=["inetOrgPerson", "zimbraAccount"], cn="boris", sn="boris", ou="Legal", zimbraId=mail("boris"),
                        zimbraAccountStatus="active", mail=mail("boris"), zimbraMailDeliveryAddress=mail("boris"))
    tree["static"] = add("cn=static", objectClass="groupOfNames", member=tree["anna"])
    tree["above"] = add("cn=above", objectClass="groupOfNames", member=[tree["static"], tree["boris"]])
    tree["dynamic"] = add("cn=dynamic", objectClass="groupOfURLs", memberURL=f"ldap:///{branch}??one?(ou=Sales)")
    tree["inner"] = distribution_list("inner", mail("A").upper(), mail("outer"), "friend@elsewhere.example")
    tree["outer"] = distribution_list("outer", mail("inner"))
    return tree


def member_of(client, dn):
    return {v.decode() for v in lower_keys(client.read(dn, ["memberOf"]).only).get("memberof", [])}


def names(tree, *keys):
    return {tree[k] for k in keys}


def test_rule7_2_groups_of_an_entry(root, tree):
    assert member_of(root, tree["anna"]) == names(tree, "static", "dynamic", "inner", "outer")
    assert member_of(root, tree["boris"]) == names(tree, "above")
    assert member_of(root, tree["static"]) == names(tree, "above")
    assert member_of(root, tree["outer"]) == names(tree, "inner", "outer")


def test_only_when_asked_for_by_name(root, tree):
    for attributes in (None, ["*"], ["+"], ["*", "+"]):
        assert "memberof" not in lower_keys(root.read(tree["anna"], attributes).only)
    assert "memberof" in lower_keys(root.read(tree["anna"], ["*", "memberof"]).only)


def test_members_by_filter(root, tree, branch):
    find = lambda filter: root.search(branch, filter=filter, attributes=["1.1"]).names
    assert find(f"(memberOf={tree['static']})") == names(tree, "anna")
    assert find(f"(memberOf={tree['dynamic'].upper()})") == names(tree, "anna")
    assert find(f"(memberOf={tree['inner']})") == names(tree, "anna", "inner", "outer")
    assert find(f"(&(objectClass=zimbraAccount)(memberOf={tree['outer']}))") == names(tree, "anna")
    assert find(f"(&(objectClass=zimbraAccount)(!(memberOf={tree['outer']})))") == names(tree, "boris")
    assert find(f"(memberOf=cn=nobody,{branch})") == set()
    assert find("(|(memberOf=no name)(!(memberOf=no name)))") == set()
    assert find("(&(objectClass=zimbraAccount)(memberOf=*))") == names(tree, "anna", "boris")
    assert find("(&(objectClass=zimbraAccount)(!(memberOf=*)))") == set()


def test_compare(root, tree):
    assert root.compare(tree["anna"], "memberOf", tree["outer"]).code == COMPARE_TRUE
    assert root.compare(tree["anna"], "memberOf", tree["above"]).code == COMPARE_FALSE
    assert root.compare(tree["boris"], "memberOf", tree["above"]).code == COMPARE_TRUE


def test_in_chain(root, tree, branch):
    find = lambda filter: root.search(branch, filter=filter, attributes=["1.1"]).names
    assert find(f"(memberOf:{CHAIN}:={tree['above']})") == names(tree, "anna", "boris", "static")
    assert find(f"(memberOf:{CHAIN}:={tree['outer']})") == names(tree, "anna", "inner", "outer")
    assert find(f"(member:{CHAIN}:={tree['anna']})") == names(tree, "static", "above", "dynamic", "inner", "outer")
    assert find(f"(member={tree['anna']})") == names(tree, "static", "dynamic")
    assert find(f"(seeAlso:{CHAIN}:={tree['anna']})") == set()


def test_follows_changes(root, tree):
    assert root.modify(tree["boris"], ("replace", "ou", "Sales")).code == SUCCESS
    assert tree["dynamic"] in member_of(root, tree["boris"])
    assert root.delete(tree["outer"]).code == SUCCESS
    assert member_of(root, tree["anna"]) == names(tree, "static", "dynamic", "inner")


def test_cannot_be_written(root, tree):
    assert root.modify(tree["anna"], ("add", "memberOf", tree["above"])).code == CONSTRAINT_VIOLATION


def test_of_the_generated_directory_both_directions_agree(root):
    groups = root.search("", filter="(|(objectClass=groupOfURLs)(objectClass=zimbraDistributionList))", attributes=["1.1"]).names
    assert len(groups) > 10
    members = {g: root.search("", filter=f"(&(objectClass=zimbraAccount)(memberOf={g}))", attributes=["1.1"]).names for g in groups}
    for dn in root.search("dc=acme,dc=example", filter="(objectClass=zimbraAccount)", attributes=["1.1"]).names:
        found = {g.lower() for g in member_of(root, dn)}
        assert {g for g in groups if dn in members[g]} == found & groups
