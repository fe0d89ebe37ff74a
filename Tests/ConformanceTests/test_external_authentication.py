"""Passwords that another server knows (semantics 4.1, 4.3): a slapd beside, asked by bind, by search and bind, over StartTLS."""
import ldap
import ldap.sasl
import pytest

from certificates import Authority
from client import CONSTRAINT_VIOLATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_CREDENTIALS, SUCCESS, Client
from outside import Outside
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD, Muster, free_port

pytestmark = pytest.mark.muster
COM = "dc=example,dc=com"
BJORN = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
BUSINESS = "cn=business,cn=cos,cn=zimbra"
UNAVAILABLE = 52
SETTINGS = ["zimbraAuthMech", "zimbraAuthMechAdmin", "zimbraAuthLdapURL", "zimbraAuthLdapBindDn", "zimbraAuthLdapSearchFilter", "zimbraAuthLdapSearchBase",
            "zimbraAuthLdapSearchBindDn", "zimbraAuthLdapSearchBindPassword", "zimbraAuthLdapStartTlsEnabled", "zimbraAuthFallbackToLocal"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory, authority):
    outside = Outside(tmp_path_factory.mktemp("outside") / "slapd", authority).start()
    yield outside
    outside.stop()


@pytest.fixture(scope="module")
def mail(tmp_path_factory, authority):
    administration = f"ldap://127.0.0.1:{free_port()}"
    server = Muster(tmp_path_factory.mktemp("mail"), ["--sample", "--administration-listen", administration], {"LDAPTLS_CACERT": str(authority.certificate)})
    server.environment.pop("LDAPNOINIT", None)
    server.environment["LDAPCONF"] = "/dev/null"
    server.start()
    server.administration = administration
    yield server
    server.stop()


@pytest.fixture
def root(mail):
    with Client(mail.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.modify(BJORN, ("replace", "userPassword", "here-secret"), ("replace", "zimbraAccountStatus", "active")).code == SUCCESS
        yield client
        client.modify(BJORN, ("replace", "zimbraAuthLdapExternalDn", None), ("replace", "zimbraAccountStatus", "active"),
                      ("replace", "zimbraIsAdminAccount", None), ("replace", "zimbraIsDelegatedAdminAccount", None))
        assert client.modify(COM, *[("replace", name, None) for name in SETTINGS]).code == SUCCESS


def configure(root, **settings):
    result = root.modify(COM, *[("replace", name, value) for name, value in settings.items()])
    assert result.code == SUCCESS, result


def bind(mail, password, name="bjorn.aasen@example.com", url=None):
    with Client(url or mail.url) as client:
        return client.bind(name, password).code


def bind_plain(url, password, name="bjorn.aasen@example.com"):
    with Client(url) as client:
        client.connection.set_option(ldap.OPT_X_SASL_SECPROPS, "none")
        try:
            client.connection.sasl_interactive_bind_s("", ldap.sasl.sasl({ldap.sasl.CB_AUTHNAME: name, ldap.sasl.CB_PASS: password}, "PLAIN"))
            return SUCCESS
        except ldap.LDAPError as error:
            return error.args[0]["result"]


@pytest.mark.parametrize("template", ["uid=%u,dc=outside", "uid=%u,dc=%outside"])       # another letter stands for itself
@pytest.mark.parametrize("name", ["bjorn.aasen@example.com", BJORN])
def test_4_3_4_bind_by_template(mail, root, outside, template, name):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapBindDn=template, zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "outside-secret", name) == SUCCESS
    assert bind(mail, "wrong", name) == INVALID_CREDENTIALS
    assert bind(mail, "here-secret", name) == INVALID_CREDENTIALS


@pytest.mark.parametrize("filter", ["(mail=%n)", "(&(objectClass=inetOrgPerson)(uid=%u))"])
def test_4_3_3_search_and_bind(mail, root, outside, filter):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapSearchFilter=filter, zimbraAuthLdapSearchBase="dc=outside",
              zimbraAuthLdapSearchBindDn="cn=reader,dc=outside", zimbraAuthLdapSearchBindPassword="reading", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "outside-secret") == SUCCESS
    assert bind(mail, "wrong") == INVALID_CREDENTIALS


@pytest.mark.parametrize("filter", ["(uid=nobody)", "(objectClass=*)"])
def test_4_3_3_none_or_several_found(mail, root, outside, filter):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapSearchFilter=filter, zimbraAuthLdapSearchBase="dc=outside",
              zimbraAuthLdapSearchBindDn="cn=reader,dc=outside", zimbraAuthLdapSearchBindPassword="reading", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "outside-secret") == INVALID_CREDENTIALS


def test_4_3_2_an_account_has_a_name_of_its_own_there(mail, root, outside):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE")
    assert root.modify(BJORN, ("replace", "zimbraAuthLdapExternalDn", "uid=elsewhere,dc=outside")).code == SUCCESS
    assert bind(mail, "other-secret") == SUCCESS
    assert bind(mail, "outside-secret") == INVALID_CREDENTIALS


def test_4_3_ad_does_not_search(mail, root, outside):
    configure(root, zimbraAuthMech="ad", zimbraAuthLdapURL=outside.url, zimbraAuthLdapSearchFilter="(uid=nobody)",
              zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "outside-secret") == SUCCESS


def test_4_1_4_the_password_here_counts_too(mail, root, outside):
    """By default."""
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapBindDn="uid=%u,dc=outside")
    assert bind(mail, "outside-secret") == SUCCESS
    assert bind(mail, "here-secret") == SUCCESS
    assert bind(mail, "wrong") == INVALID_CREDENTIALS


def test_over_start_tls(mail, root, outside):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE",
              zimbraAuthLdapStartTlsEnabled="TRUE")
    assert bind(mail, "outside-secret") == SUCCESS


def test_a_server_that_does_not_answer(mail, root):
    """Without a local password nobody gets in, others are served at once, and nobody is locked out for it."""
    dead = free_port()
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=f"ldap://127.0.0.1:{dead}", zimbraAuthLdapBindDn="uid=%u,dc=outside",
              zimbraAuthFallbackToLocal="FALSE")
    root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "TRUE"), ("replace", "zimbraPasswordLockoutMaxFailures", "2"))
    try:
        for _ in range(4):
            assert bind(mail, "outside-secret") == UNAVAILABLE
        configure(root, zimbraAuthFallbackToLocal="TRUE")
        assert bind(mail, "here-secret") == SUCCESS
    finally:
        root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "FALSE"), ("replace", "zimbraPasswordLockoutMaxFailures", None))


def test_wrong_passwords_are_counted_and_statuses_hold(mail, root, outside):
    configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE")
    root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "TRUE"), ("replace", "zimbraPasswordLockoutMaxFailures", "2"))
    try:
        assert bind(mail, "wrong1") == bind(mail, "wrong2") == INVALID_CREDENTIALS
        assert bind(mail, "outside-secret") == INVALID_CREDENTIALS, "locked"
        root.modify(BJORN, ("replace", "zimbraAccountStatus", "active"))
        assert bind(mail, "outside-secret") == SUCCESS
        root.modify(BJORN, ("replace", "zimbraAccountStatus", "maintenance"))
        assert bind(mail, "outside-secret") == UNAVAILABLE
    finally:
        root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "FALSE"), ("replace", "zimbraPasswordLockoutMaxFailures", None))


def test_names_cannot_change_what_is_asked(mail, root, outside):
    """Pitfall 32: a parenthesis or a comma in a name is a character."""
    strange = "uid=strange,ou=people," + COM
    assert root.add(strange, {"objectClass": ["inetOrgPerson", "zimbraAccount"], "uid": "strange", "cn": "s", "sn": "s", "zimbraId": "strange-id",
                              "zimbraAccountStatus": "active", "zimbraMailDeliveryAddress": "*)(uid=bjorn.aasen@example.com"}).code == SUCCESS
    try:
        configure(root, zimbraAuthMech="ldap", zimbraAuthLdapURL=outside.url, zimbraAuthLdapSearchFilter="(uid=%u)", zimbraAuthLdapSearchBase="dc=outside",
                  zimbraAuthLdapSearchBindDn="cn=reader,dc=outside", zimbraAuthLdapSearchBindPassword="reading", zimbraAuthFallbackToLocal="FALSE")
        assert bind(mail, "outside-secret", strange) == INVALID_CREDENTIALS
        root.modify(strange, ("replace", "zimbraMailDeliveryAddress", "elsewhere,dc=outside@example.com"))
        configure(root, zimbraAuthLdapSearchFilter=None, zimbraAuthLdapBindDn="uid=%u")
        assert bind(mail, "other-secret", strange) == INVALID_CREDENTIALS
    finally:
        root.delete(strange)


@pytest.mark.parametrize("settings", [{"zimbraAuthMech": "magic"}, {"zimbraAuthLdapURL": "http://example.com"}, {"zimbraAuthLdapSearchFilter": "(uid=%u"}])
def test_4_1_3_mistakes_are_refused_when_written(root, settings):
    assert root.modify(COM, *[("replace", name, value) for name, value in settings.items()]).code == CONSTRAINT_VIOLATION


def test_4_1_3_mechanisms_that_are_not_here(mail, root):
    """A handler that is not installed fails; what no mechanism has a name for is the local one."""
    configure(root, zimbraAuthMech="custom:handler a b", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "here-secret") == UNAVAILABLE
    configure(root, zimbraAuthFallbackToLocal=None)
    assert bind(mail, "here-secret") == SUCCESS
    configure(root, zimbraAuthMech="carbonioAdvanced", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "here-secret") == SUCCESS


# --- Administrators (rule 4.1.2)

@pytest.mark.parametrize("flag", ["zimbraIsAdminAccount", "zimbraIsDelegatedAdminAccount"])
@pytest.mark.parametrize("mechanism, administrators, ordinary, administration", [
    ("zimbra", "ldap", "here-secret", "outside-secret"),
    ("ldap", "zimbra", "outside-secret", "here-secret"),
    ("ldap", None, "outside-secret", "outside-secret"),
    (None, None, "here-secret", "here-secret")])
def test_rule_4_1_2_administrators_have_a_mechanism_of_their_own(mail, root, outside, flag, mechanism, administrators, ordinary, administration):
    configure(root, zimbraAuthMech=mechanism, zimbraAuthMechAdmin=administrators, zimbraAuthLdapURL=outside.url,
              zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE")
    assert root.modify(BJORN, ("replace", flag, "TRUE")).code == SUCCESS
    passwords = {"here-secret", "outside-secret"}
    for url, right in [(mail.url, ordinary), (mail.administration, administration)]:
        for name in ["bjorn.aasen@example.com", BJORN]:
            assert bind(mail, right, name, url) == SUCCESS
            assert bind(mail, (passwords - {right}).pop(), name, url) == INVALID_CREDENTIALS
        assert bind_plain(url, right) == SUCCESS
        assert bind_plain(url, (passwords - {right}).pop()) == INVALID_CREDENTIALS


def test_rule_4_1_2_nobody_else_gets_in_there(mail, root, outside):
    """Who does not know the password does not learn more than elsewhere."""
    configure(root, zimbraAuthMech="zimbra", zimbraAuthMechAdmin="ldap", zimbraAuthLdapURL=outside.url,
              zimbraAuthLdapBindDn="uid=%u,dc=outside", zimbraAuthFallbackToLocal="FALSE")
    url = mail.administration
    assert bind(mail, "outside-secret", url=url) == bind_plain(url, "outside-secret") == INSUFFICIENT_ACCESS_RIGHTS
    for password in ["here-secret", "wrong"]:
        assert bind(mail, password, url=url) == bind_plain(url, password) == INVALID_CREDENTIALS
    assert bind(mail, "wrong", "nobody@example.com", url) == INVALID_CREDENTIALS
    assert bind(mail, "here-secret") == SUCCESS, "on the ordinary listener nothing has changed"
    with Client(url) as client:
        assert client.bind(BJORN, "outside-secret").code == INSUFFICIENT_ACCESS_RIGHTS
        assert client.connection.whoami_s() == ""


def test_rule_4_1_2_the_servers_own_administrators_get_in_there(mail, root):
    assert bind(mail, ROOT_PASSWORD, ROOT_DN, mail.administration) == SUCCESS
    assert root.modify(ADMIN_DN, ("replace", "userPassword", ADMIN_PASSWORD)).code == SUCCESS
    assert bind(mail, ADMIN_PASSWORD, ADMIN_DN, mail.administration) == SUCCESS
