"""Grants to groups of another directory (semantics 10.1, 10.3, grantees of type egp): a slapd beside, in which accounts prove themselves and whose
`memberOf` says which groups they are in."""
import pytest

from client import COMPARE_FALSE, COMPARE_TRUE, CONSTRAINT_VIOLATION, INSUFFICIENT_ACCESS_RIGHTS, SUCCESS, Client
from outside import Outside
from servers import ROOT_DN, ROOT_PASSWORD, Muster, free_port

pytestmark = pytest.mark.muster
COM, ORG = "dc=example,dc=com", "dc=example,dc=org"
BJORN, ZOE = "uid=bjorn.aasen,ou=people,dc=example,dc=com", "uid=zoe.lefevre,ou=people,dc=example,dc=com"
OUTSIDE, ADMINS = "uid=bjorn.aasen,dc=outside", "cn=Mail Admins,ou=groups,dc=outside"
# A plain attribute of any text: another server may say anything.
SCHEMA = """
attributetype ( 1.1.1 NAME 'memberOf' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.1.2 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.1.3 NAME 'directoryPerson' SUP top AUXILIARY MAY ( memberOf $ userPrincipalName ) )
"""
MORE = f"""dn: ou=groups,dc=outside
objectClass: organizationalUnit
ou: groups

dn: {ADMINS}
objectClass: organizationalRole
objectClass: extensibleObject
cn: Mail Admins
mail: admins@example.com

dn: cn=others,ou=groups,dc=outside
objectClass: organizationalRole
objectClass: extensibleObject
cn: others
mail: others@example.com

dn: cn=twin 1,ou=groups,dc=outside
objectClass: organizationalRole
objectClass: extensibleObject
cn: twin 1
mail: twins@example.com

dn: cn=twin 2,ou=groups,dc=outside
objectClass: organizationalRole
objectClass: extensibleObject
cn: twin 2
mail: twins@example.com

"""
STANDARD = {"zimbraAuthMech": "ldap", "zimbraAuthLdapBindDn": "uid=%u,dc=outside", "zimbraAuthLdapSearchBindDn": "cn=reader,dc=outside",
            "zimbraAuthLdapSearchBindPassword": "reading", "zimbraAuthFallbackToLocal": "TRUE", "zimbraExternalGroupLdapSearchBase": "ou=groups,dc=outside",
            "zimbraExternalGroupLdapSearchFilter": None, "zimbraExternalGroupHandlerClass": None, "zimbraAuthLdapSearchFilter": None,
            "zimbraAuthLdapSearchBase": None, "zimbraAuthMechAdmin": None, "zimbraACE": None}


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    outside = Outside(tmp_path_factory.mktemp("outside") / "slapd", more=MORE, schema=SCHEMA).start()
    with Client(outside.url, Outside.root, Outside.password) as client:
        assert client.modify(OUTSIDE, ("add", "objectClass", "directoryPerson"), ("add", "userPrincipalName", "bjorn.aasen@example.com")).code == SUCCESS
    yield outside
    outside.stop()


def started(folder, age):
    server = Muster(folder, ["--sample"], {"LDAPCONF": "/dev/null", "MUSTER_MAIL_EXTERNAL_GROUP_AGE": age}, rules="carbonio")
    server.environment.pop("LDAPNOINIT", None)
    return server.start()


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    """It asks at each login."""
    server = started(tmp_path_factory.mktemp("mail"), "0")
    yield server
    server.stop()


def prepare(client, outside):
    """Björn, a delegated administrator, and a domain that has his password verified outside. The id of the domain."""
    assert client.modify(COM, *[("replace", name, value) for name, value in dict(STANDARD, zimbraAuthLdapURL=outside.url).items()]).code == SUCCESS
    assert client.modify(BJORN, ("replace", "userPassword", "here-secret"), ("replace", "zimbraIsDelegatedAdminAccount", "TRUE"),
                         ("replace", "zimbraAuthLdapExternalDn", None)).code == SUCCESS
    assert client.modify(ZOE, ("replace", "zimbraACE", None)).code == SUCCESS
    member(outside, ADMINS)
    return client.read(COM, ["zimbraId"]).only["zimbraId"][0].decode()


def member(outside, *groups):
    with Client(outside.url, Outside.root, Outside.password) as client:
        assert client.modify(OUTSIDE, ("replace", "memberOf", list(groups) or None)).code == SUCCESS


@pytest.fixture
def root(mail, outside):
    with Client(mail.url, ROOT_DN, ROOT_PASSWORD) as client:
        client.domain = prepare(client, outside)
        yield client


def configure(root, **settings):
    result = root.modify(COM, *[("replace", name, value) for name, value in settings.items()])
    assert result.code == SUCCESS, result


def grant(root, group="admins@example.com", right="set.account.zimbraNotes", domain=None, on=COM):
    result = root.modify(on, ("add", "zimbraACE", f"{domain or root.domain}:{group} egp {right}"))
    assert result.code == SUCCESS, result


def administers(client):
    code = client.modify(ZOE, ("replace", "zimbraNotes", "a note")).code
    assert code in (SUCCESS, INSUFFICIENT_ACCESS_RIGHTS), code
    return code == SUCCESS


def reads(client):
    result = client.read(ZOE, ["zimbraNotes"])
    return result.code == SUCCESS and bool(result.entries) and "zimbraNotes" in result.entries[0][1]


def logs_in_and_administers(mail, password="outside-secret", name="bjorn.aasen@example.com"):
    with Client(mail.url, name, password) as client:
        return administers(client)


@pytest.mark.parametrize("name", ["bjorn.aasen@example.com", BJORN])
def test_rule_10_1_members_hold_what_the_group_is_granted(mail, root, name):
    assert not logs_in_and_administers(mail, name=name)
    grant(root)
    assert logs_in_and_administers(mail, name=name)


def test_rule_10_1_other_groups_and_other_domains(mail, root):
    other = root.read(ORG, ["zimbraId"]).only["zimbraId"][0].decode()
    grant(root, "others@example.com")
    grant(root, "nobody@example.com")
    grant(root, domain=other)
    grant(root, domain=other, on=ORG)
    assert not logs_in_and_administers(mail)
    root.modify(ORG, ("replace", "zimbraACE", None))


def test_rule_10_1_an_address_that_two_groups_have_is_neither(mail, root, outside):
    member(outside, "cn=twin 1,ou=groups,dc=outside", "cn=twin 2,ou=groups,dc=outside")
    grant(root, "twins@example.com")
    assert not logs_in_and_administers(mail)


def test_rule_10_3_2_rights_of_administrators_are_for_administrators(mail, root):
    grant(root)
    assert root.modify(BJORN, ("replace", "zimbraIsDelegatedAdminAccount", None)).code == SUCCESS
    assert not logs_in_and_administers(mail)


def test_rule_10_3_4_of_one_step_denials_first_and_individuals_before_groups(mail, root):
    grant(root)
    grant(root, right="-set.account.zimbraNotes")
    assert not logs_in_and_administers(mail)
    me = root.read(BJORN, ["zimbraId"]).only["zimbraId"][0].decode()
    assert root.modify(COM, ("add", "zimbraACE", f"{me} usr set.account.zimbraNotes")).code == SUCCESS
    assert logs_in_and_administers(mail)


def test_a_removal_counts_with_the_next_login_and_for_all_connections(mail, root, outside):
    """Nothing is written here meanwhile: what was worked out before must not stay."""
    grant(root)
    with Client(mail.url, "bjorn.aasen@example.com", "outside-secret") as first:
        assert administers(first) and reads(first)
        member(outside)
        assert reads(first), "nobody has asked since"
        with Client(mail.url, "bjorn.aasen@example.com", "outside-secret") as second:
            assert not reads(first) and not reads(second)
            assert not administers(first) and not administers(second)
        member(outside, ADMINS)
        assert not reads(first)
        with Client(mail.url, "bjorn.aasen@example.com", "outside-secret") as second:
            assert reads(first) and reads(second)
            assert administers(first) and administers(second)


def test_who_cannot_be_asked_for_has_none_and_logs_in(mail, root, outside):
    grant(root)
    assert logs_in_and_administers(mail)
    configure(root, zimbraAuthLdapSearchBindPassword="wrong")
    assert not logs_in_and_administers(mail), "the one who reads cannot log in there"
    assert "the other directory" in mail.log.read_text()
    configure(root, zimbraAuthLdapSearchBindPassword="reading")
    assert logs_in_and_administers(mail)
    configure(root, zimbraAuthLdapURL=f"ldap://127.0.0.1:{free_port()}")
    assert not logs_in_and_administers(mail, "here-secret"), "nobody is there"
    configure(root, zimbraAuthLdapURL=outside.url)
    assert logs_in_and_administers(mail, "here-secret"), "whichever password it was"


def test_the_account_is_found_by_a_search(mail, root):
    grant(root)
    configure(root, zimbraAuthLdapBindDn=None, zimbraAuthLdapSearchFilter="(mail=%n)", zimbraAuthLdapSearchBase="dc=outside")
    assert logs_in_and_administers(mail)


def test_the_account_has_a_name_of_its_own_there(mail, root, outside):
    grant(root)
    assert root.modify(BJORN, ("replace", "zimbraAuthLdapExternalDn", "uid=elsewhere,dc=outside")).code == SUCCESS
    assert not logs_in_and_administers(mail, "other-secret")
    assert root.modify(BJORN, ("replace", "zimbraAuthLdapExternalDn", OUTSIDE)).code == SUCCESS
    assert logs_in_and_administers(mail)


def test_active_directory_knows_accounts_by_their_principal_name(mail, root):
    """To bind with it is Active Directory's own; the groups are asked for whichever password was right."""
    grant(root)
    configure(root, zimbraAuthMech="ad", zimbraAuthLdapBindDn="%n", zimbraAuthLdapSearchBase="dc=outside")
    assert logs_in_and_administers(mail, "here-secret")
    configure(root, zimbraAuthLdapBindDn="%u@elsewhere.example")
    assert not logs_in_and_administers(mail, "here-secret")


@pytest.mark.parametrize("filter, found", [("(cn=Mail %u)", True), ("(&(objectClass=organizationalRole)(mail=%n))", True), ("(cn=%u)", False)])
def test_the_group_is_found_by_a_search(mail, root, filter, found):
    grant(root)
    configure(root, zimbraExternalGroupLdapSearchFilter=filter)
    assert logs_in_and_administers(mail) == found


def test_names_are_compared_as_names(mail, root, outside):
    grant(root)
    member(outside, "no name", "cn=", "CN=MAIL  admins , OU=Groups,DC=outside", "x" * 5000, *(f"cn={n},ou=groups,dc=outside" for n in range(2000)))
    assert logs_in_and_administers(mail)
    member(outside, "cn=Mail Admins,ou=groups,dc=outside,dc=example", "cn=Mail Admins\\,ou=groups,dc=outside")
    assert not logs_in_and_administers(mail)


def test_an_address_cannot_change_what_is_asked(mail, root):
    """Pitfall 32."""
    grant(root, "*")
    grant(root, "x)(mail=admins@example.com")
    assert not logs_in_and_administers(mail)


def test_other_handlers_are_a_part_of_the_mail_system(mail, root):
    grant(root)
    configure(root, zimbraExternalGroupHandlerClass="com.zimbra.cs.account.grouphandler.ADGroupHandler")
    assert logs_in_and_administers(mail)
    configure(root, zimbraExternalGroupHandlerClass="com.example.Handler")
    assert not logs_in_and_administers(mail)
    assert "com.example.Handler" in mail.log.read_text()


def test_a_filter_that_is_none_is_refused_when_written(root):
    assert root.modify(COM, ("replace", "zimbraExternalGroupLdapSearchFilter", "(mail=%n")).code == CONSTRAINT_VIOLATION


def test_rule_10_4_rights_of_users_and_look_ups_about_somebody_else(mail, root, outside):
    """They use what is known of that account."""
    assert root.modify(BJORN, ("replace", "zimbraIsDelegatedAdminAccount", None)).code == SUCCESS
    grant(root, right="sendAs", on=ZOE)
    member(outside)
    assert not logs_in_and_administers(mail)
    assert root.compare(ZOE, "musterSendAs", "bjorn.aasen@example.com").code == COMPARE_FALSE
    member(outside, ADMINS)
    assert root.compare(ZOE, "musterSendAs", "bjorn.aasen@example.com").code == COMPARE_FALSE, "nobody has asked since"
    assert not logs_in_and_administers(mail)
    assert root.compare(ZOE, "musterSendAs", "bjorn.aasen@example.com").code == COMPARE_TRUE


def test_it_is_not_asked_again_at_once(tmp_path, outside):
    mail = started(tmp_path / "mail", "300")
    try:
        with Client(mail.url, ROOT_DN, ROOT_PASSWORD) as root:
            root.domain = prepare(root, outside)
            grant(root)
            assert logs_in_and_administers(mail)
            member(outside)
            assert logs_in_and_administers(mail), "asked less than 300 seconds ago"
            grant(root, "others@example.com")
            assert not logs_in_and_administers(mail), "but not for this group"
    finally:
        mail.stop()
