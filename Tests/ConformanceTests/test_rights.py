"""Rights stored in zimbraACE (semantics 10), beside Carbonio's production rules (1.17): what accounts may do by them, and the look-ups of
policy services. Numbers are rules of section 10."""
import pytest
from ldap.controls.readentry import PreReadControl

from certificates import Authority
from client import (COMPARE_FALSE, COMPARE_TRUE, CONSTRAINT_VIOLATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_ATTRIBUTE_SYNTAX, NO_SUCH_OBJECT,
                    SUCCESS, Client,
                    octets)
from servers import ROOT_DN, ROOT_PASSWORD, Muster, target

pytestmark = pytest.mark.skipif(target() == "slapd", reason="slapd knows nothing of these rights")

GLOBAL = "cn=globalgrant,cn=zimbra"
ALL, PUB = "00000000-0000-0000-0000-000000000000", "99999999-9999-9999-9999-999999999999"
ACME, OTHER, SUB = "dc=acme,dc=example", "dc=other,dc=example", "dc=sub,dc=acme,dc=example"
IDS = {}


def identity(name, letter="a"):
    """The zimbraId of something, made up when first asked for."""
    return IDS.setdefault(name, f"{letter}0000000-0000-0000-0000-{len(IDS) + 1:012d}")


def domain(dn, name):
    return f"""dn: {dn}
objectClass: zimbraDomain
objectClass: dcObject
objectClass: organization
objectClass: amavisAccount
dc: {dn[3:].split(",")[0]}
o: {name}
zimbraDomainName: {name}
zimbraDomainType: local
zimbraDomainStatus: active
zimbraMailStatus: enabled
zimbraId: {identity(name, "d")}

dn: ou=people,{dn}
objectClass: organizationalRole
cn: people
ou: people

"""


def account(uid, dn, name, *more):
    return "\n".join([
        f"dn: uid={uid},ou=people,{dn}", "objectClass: inetOrgPerson", "objectClass: zimbraAccount", "objectClass: amavisAccount",
        f"uid: {uid}", f"cn: {uid}", f"sn: {uid}", f"mail: {uid}@{name}", f"zimbraMailDeliveryAddress: {uid}@{name}",
        f"zimbraId: {identity(uid)}", "zimbraMailStatus: enabled", "zimbraAccountStatus: active", "zimbraNotes: a note", "userPassword: pw",
        *more, "", ""])


def distribution_list(uid, dn, name, *members):
    return "\n".join([
        f"dn: uid={uid},ou=people,{dn}", "objectClass: zimbraDistributionList", "objectClass: zimbraMailRecipient", f"uid: {uid}",
        f"mail: {uid}@{name}", f"zimbraMailAlias: {uid}@{name}", f"zimbraId: {identity(uid, 'b')}", "zimbraMailStatus: enabled",
        *(f"zimbraMailForwardingAddress: {m}" for m in members), "", ""])


ADMIN_FLAG = "zimbraIsDelegatedAdminAccount: TRUE"
LDIF = ("""dn: cn=zimbra
objectClass: organizationalRole
cn: zimbra

dn: cn=config,cn=zimbra
objectClass: organizationalRole
objectClass: zimbraGlobalConfig
zimbraLDAPSchemaVersion: 1
cn: config
zimbraConstraint: zimbraPrefPop3DownloadSince:values=a
zimbraConstraint: zimbraMailIdleSessionTimeout:min=60:max=1h

dn: cn=globalgrant,cn=zimbra
objectClass: zimbraAclTarget
cn: globalgrant

dn: cn=appaccts,cn=zimbra
objectClass: organizationalRole
cn: appaccts

dn: uid=zmpostfix,cn=appaccts,cn=zimbra
objectClass: zimbraAccount
objectClass: organizationalPerson
uid: zmpostfix
cn: zmpostfix
sn: zmpostfix
zimbraId: 20000000-0000-0000-0000-000000000000
zimbraMailDeliveryAddress: zmpostfix
zimbraAccountStatus: active
userPassword: pw

dn: dc=example
objectClass: domain
dc: example

""" + domain(ACME, "acme.example") + domain(OTHER, "other.example") + domain(SUB, "sub.acme.example")
    + account("helga", ACME, "acme.example", ADMIN_FLAG, "zimbraDomainAdminMaxMailQuota: 100")
    + account("greta", ACME, "acme.example", ADMIN_FLAG)
    + account("user", ACME, "acme.example", "zimbraMailAlias: alias.of.user@acme.example")
    + account("boss", ACME, "acme.example", "zimbraIsAdminAccount: TRUE")
    + account("owner", ACME, "acme.example")
    + account("far", OTHER, "other.example")
    + account("sub", SUB, "sub.acme.example")
    + distribution_list("team", ACME, "acme.example", "user@acme.example", "inner@acme.example")
    + distribution_list("inner", ACME, "acme.example", "owner@acme.example")
    + distribution_list("helpers", ACME, "acme.example", "greta@acme.example"))


def dn(uid):
    suffix = {"far": OTHER, "sub": SUB}.get(uid, ACME)
    return f"uid={uid},ou=people,{suffix}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rights")
    (folder / "data.ldif").write_text(LDIF)
    server = Muster(folder / "muster", rules="carbonio")
    server.load(folder / "data.ldif")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def root(server):
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


@pytest.fixture(scope="module")
def clients(server):
    made = {uid: Client(server.url, dn(uid), "pw") for uid in ("helga", "greta", "user", "owner", "far", "sub")}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture(scope="module")
def postfix(server):
    with Client(server.url, "uid=zmpostfix,cn=appaccts,cn=zimbra", "pw") as client:
        yield client


@pytest.fixture
def grant(root):
    """Grants until the test ends: `grant(entry, "usr helga right", …)`."""
    touched = set()

    def make(entry, *values):
        result = root.modify(entry, ("add", "zimbraACE", [text(v) for v in values]))
        assert result.code == SUCCESS, result
        touched.add(entry)

    yield make
    for entry in touched:
        root.modify(entry, ("replace", "zimbraACE", None))


def text(value):
    """`usr helga -right` with the grantee's zimbraId in front, as it is stored."""
    type, grantee, right = value.split(" ")
    return f"{ {'all': ALL, 'pub': PUB}.get(type) or IDS.get(grantee, grantee)} {type} {right}"


def reads(client, entry, attribute="zimbraNotes"):
    result = client.read(entry, [attribute])
    return bool(result.entries) and attribute in result.only


def finds(client, filter, base=""):
    return {name.split(",")[0].partition("=")[2] for name, _ in client.search(base, filter=filter, attributes=["1.1"]).entries}


SECRETS = {"zimbraSSLPrivateKey", "zimbraPreAuthKey", "zimbraGalLdapBindPassword", "zimbraAuthLdapSearchBindPassword"}


def test_private_keys_are_for_administrators(server, root, clients, postfix, grant, tmp_path):
    """With the default rules, and whatever is granted: neither read, nor found, nor compared, nor shown by a change."""
    issued = Authority(tmp_path / "authority").issue("mail.acme.example")
    key = issued.key.read_bytes()
    assert root.modify(ACME, ("replace", "zimbraSSLCertificate", issued.certificate.read_bytes()), ("replace", "zimbraSSLPrivateKey", key),
                       *[("replace", name, "hush") for name in sorted(SECRETS - {"zimbraSSLPrivateKey"})]).code == SUCCESS
    grant(ACME, "usr helga domainAdminRights", "usr helga getDomain", "usr helga modifyDomain", "usr helga get.domain.zimbraSSLPrivateKey",
          "usr helga set.domain.zimbraSSLPrivateKey")
    try:
        with Client(server.url) as anonymous:
            for name, client in {**clients, "postfix": postfix, "anonymous": anonymous}.items():
                for attributes in (["*", "+"], sorted(SECRETS)):
                    found = client.search(ACME, "base", attributes=attributes).entries
                    assert not any(SECRETS & set(entry) for _, entry in found), name
                for secret in sorted(SECRETS):
                    for filter in (f"({secret}=*)", f"(!({secret}=*))", f"({secret}=h*)"):
                        assert ACME not in client.search("", "sub", filter, ["1.1"]).names, (name, filter)
                    assert client.compare(ACME, secret, "hush").code not in (COMPARE_TRUE, COMPARE_FALSE), name
                changed = client.modify(ACME, ("replace", "zimbraSSLPrivateKey", None))
                assert changed.code != SUCCESS and b"PRIVATE" not in changed.message.encode(), name
        # A change by somebody who may make it shows what they may read only.
        shown = clients["helga"].modify(ACME, ("replace", "zimbraNotes", "x"), controls=[PreReadControl(True, sorted(SECRETS) + ["zimbraNotes"])])
        assert shown.code == SUCCESS and not SECRETS & set(shown.control(PreReadControl.controlType).entry)
        assert root.read(ACME, ["zimbraSSLPrivateKey"]).only["zimbraSSLPrivateKey"] == [key]
    finally:
        root.modify(ACME, *[("replace", name, None) for name in sorted(SECRETS | {"zimbraSSLCertificate"})])


class TestSelf:
    """10.10 a: what an account may do with itself."""

    def test_reads_what_it_is_shown_of_itself(self, clients):
        assert reads(clients["user"], dn("user"), "zimbraMailDeliveryAddress") and reads(clients["user"], dn("user"), "zimbraId")
        assert not reads(clients["user"], dn("owner"), "zimbraMailDeliveryAddress")
        assert not reads(clients["user"], dn("user"), "zimbraNotes") and not reads(clients["user"], dn("user"), "userPassword")
        assert finds(clients["user"], f"(zimbraId={IDS['user']})") == {"user"}
        assert finds(clients["user"], f"(zimbraId={IDS['owner']})") == set()

    def test_sets_its_preferences(self, clients, root):
        own = clients["user"]
        assert own.modify(dn("user"), ("replace", "zimbraPrefLocale", "de")).code == SUCCESS
        assert own.modify(dn("owner"), ("replace", "zimbraPrefLocale", "de")).code == INSUFFICIENT_ACCESS_RIGHTS
        for attribute, value in [("zimbraAccountStatus", "active"), ("zimbraMailQuota", "1"), ("zimbraIsAdminAccount", "TRUE"),
                                 ("zimbraIsDelegatedAdminAccount", "TRUE"), ("zimbraACE", text("usr owner getAccount")), ("mail", "x@acme.example")]:
            assert own.modify(dn("user"), ("replace", attribute, value)).code == INSUFFICIENT_ACCESS_RIGHTS, attribute

    def test_sets_its_password(self, server, root):
        with Client(server.url, dn("user"), "pw") as own:
            assert own.password(dn("user"), "pw", "another pass 1").code == SUCCESS
            assert own.password(dn("owner"), None, "x").code == INSUFFICIENT_ACCESS_RIGHTS
        assert root.modify(dn("user"), ("replace", "userPassword", "pw")).code == SUCCESS


    def test_what_is_switched_off(self, clients, root):
        own = clients["user"]
        forward = ("replace", "zimbraPrefMailForwardingAddress", "elsewhere@example.org")
        assert own.modify(dn("user"), forward).code == SUCCESS
        root.modify(dn("user"), ("replace", "zimbraFeatureMailForwardingEnabled", "FALSE"), ("replace", "zimbraFeatureChangePasswordEnabled", "FALSE"))
        assert own.modify(dn("user"), forward).code == INSUFFICIENT_ACCESS_RIGHTS
        assert own.password(dn("user"), None, "another pass 1").code == INSUFFICIENT_ACCESS_RIGHTS
        root.modify(dn("user"), *(("replace", a, None) for a in (
            "zimbraFeatureMailForwardingEnabled", "zimbraFeatureChangePasswordEnabled", "zimbraPrefMailForwardingAddress")))

    def test_sets_delegated_addresses_of_its_own_only(self, clients):
        for value, code in [("boss@acme.example", CONSTRAINT_VIOLATION), ("ALIAS.of.user@acme.example", SUCCESS)]:
            assert clients["user"].modify(dn("user"), ("replace", "zimbraPrefAllowAddressForDelegatedSender", value)).code == code
        assert clients["user"].modify(dn("user"), ("replace", "zimbraPrefAllowAddressForDelegatedSender", None)).code == SUCCESS


class TestDelegatedAdministrators:
    def test_without_grants(self, clients):
        assert not reads(clients["helga"], dn("user")) and clients["helga"].modify(dn("user"), ("replace", "title", "x")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_10_2_attributes(self, clients, grant):
        helga = clients["helga"]
        grant(dn("user"), "usr helga get.account.zimbraNotes", "usr helga set.account.title")
        assert reads(helga, dn("user")) and not reads(helga, dn("owner"))
        assert helga.modify(dn("user"), ("replace", "title", "x")).code == SUCCESS
        assert helga.modify(dn("user"), ("replace", "zimbraNotes", "x")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert reads(helga, dn("user"), "title")
        assert finds(helga, "(zimbraNotes=a note)") == {"user"}
        assert helga.compare(dn("user"), "zimbraNotes", "a note").code == COMPARE_TRUE

    def test_each_change_counts_from_then_on(self, clients, grant, root):
        """What an account holds is kept while other people's accounts change."""
        def others_change():
            for value in ("a", "b"):
                for uid in ("owner", "far", "user"):
                    assert root.modify(dn(uid), ("replace", "description", value)).code == SUCCESS

        def may(uid):
            others_change()
            codes = {clients[uid].modify(dn("user"), ("replace", "title", str(n))).code for n in range(3)}
            assert len(codes) == 1
            return codes == {SUCCESS}

        assert not may("helga") and not may("greta")
        grant(dn("user"), "usr helga set.account.title")
        assert may("helga") and not may("greta")
        grant(dn("user"), "grp helpers set.account.title")
        group = f"uid=helpers,ou=people,{ACME}"
        assert root.modify(group, ("replace", "zimbraIsAdminGroup", "TRUE")).code == SUCCESS
        assert may("helga") and may("greta")
        assert root.modify(group, ("replace", "zimbraMailForwardingAddress", "owner@acme.example")).code == SUCCESS
        assert may("helga") and not may("greta")
        assert root.modify(dn("helga"), ("replace", "zimbraIsDelegatedAdminAccount", "FALSE")).code == SUCCESS
        assert not may("helga")
        assert root.modify(dn("helga"), ("replace", "zimbraIsDelegatedAdminAccount", "TRUE")).code == SUCCESS
        assert may("helga")
        assert root.modify(dn("user"), ("replace", "zimbraACE", text("usr far set.account.title"))).code == SUCCESS
        assert not may("helga")
        assert root.modify(group, ("replace", "zimbraMailForwardingAddress", "greta@acme.example"), ("replace", "zimbraIsAdminGroup", None)).code == SUCCESS
        assert root.modify(dn("user"), ("replace", "title", None), ("replace", "description", None)).code == SUCCESS

    def test_10_3_2_only_those_who_are(self, clients, grant):
        grant(dn("user"), "usr owner get.account.zimbraNotes")
        assert not reads(clients["owner"], dn("user"))

    def test_10_3_2_never_on_global_administrators(self, clients, grant):
        grant(ACME, "usr helga domainAdminRights")
        grant(dn("boss"), "usr helga getAccount")
        assert not reads(clients["helga"], dn("boss")) and reads(clients["helga"], dn("user"))
        assert clients["helga"].modify(dn("boss"), ("replace", "title", "x")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_10_3_2_groups_of_administrators(self, clients, grant, root):
        grant(dn("user"), "grp helpers get.account.zimbraNotes")
        assert not reads(clients["greta"], dn("user"))
        assert root.modify(dn("helpers"), ("replace", "zimbraIsAdminGroup", "TRUE")).code == SUCCESS
        assert reads(clients["greta"], dn("user")) and not reads(clients["helga"], dn("user"))
        root.modify(dn("helpers"), ("replace", "zimbraIsAdminGroup", None))

    def test_10_3_4_domain_and_all(self, clients, grant):
        grant(ACME, "usr helga get.account.zimbraNotes")
        assert reads(clients["helga"], dn("user")) and not reads(clients["helga"], dn("far"))
        grant(GLOBAL, "usr greta get.account.zimbraNotes")
        assert reads(clients["greta"], dn("user")) and reads(clients["greta"], dn("far"))

    def test_10_3_4_groups_of_the_target(self, clients, grant):
        grant(dn("team"), "usr helga get.account.zimbraNotes")
        assert reads(clients["helga"], dn("user")) and reads(clients["helga"], dn("owner")), "of inner lists too"
        assert not reads(clients["helga"], dn("greta"))

    def test_10_1_without_subgroups(self, clients, grant):
        grant(dn("team"), "usr helga ^get.account.zimbraNotes")
        assert reads(clients["helga"], dn("user")) and not reads(clients["helga"], dn("owner"))

    def test_10_3_6_the_more_specific_decides(self, clients, grant):
        grant(ACME, "usr helga getAccount")
        grant(dn("user"), "usr helga -get.account.zimbraNotes")
        assert not reads(clients["helga"], dn("user")) and reads(clients["helga"], dn("user"), "zimbraAccountStatus")
        assert reads(clients["helga"], dn("owner"))

    def test_10_3_4_denials_come_first(self, clients, grant):
        grant(dn("user"), "usr helga get.account.zimbraNotes", "usr helga -getAccount")
        assert not reads(clients["helga"], dn("user"))

    def test_10_3_5_subdomains(self, clients, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga *get.domain.zimbraNotes", "usr helga *set.domain.zimbraNotes")
        assert helga.modify(SUB, ("replace", "zimbraNotes", "x")).code == SUCCESS
        assert helga.modify(ACME, ("replace", "zimbraNotes", "x")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_10_3_5_ordinary_grants_stay_in_their_domain(self, clients, grant):
        grant(ACME, "usr helga set.domain.zimbraNotes")
        assert clients["helga"].modify(ACME, ("replace", "zimbraNotes", "x")).code == SUCCESS
        assert clients["helga"].modify(SUB, ("replace", "zimbraNotes", "x")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_10_3_7_administrators_of_other_domains(self, clients, grant, root):
        grant(dn("team"), "usr far get.account.zimbraNotes")
        root.modify(dn("far"), ("replace", "zimbraIsDelegatedAdminAccount", "TRUE"))
        assert not reads(clients["far"], dn("user"))
        grant(ACME, "dom other.example crossDomainAdmin")
        assert reads(clients["far"], dn("user"))
        root.modify(dn("far"), ("replace", "zimbraIsDelegatedAdminAccount", None))

    def test_10_3_8_constraints(self, clients, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga modifyAccount")
        for value, code in [("5m", SUCCESS), ("60", SUCCESS), ("10s", CONSTRAINT_VIOLATION), ("2h", CONSTRAINT_VIOLATION)]:
            assert helga.modify(dn("user"), ("replace", "zimbraMailIdleSessionTimeout", value)).code == code, value

    def test_9_3_quota(self, clients, grant, root):
        helga = clients["helga"]
        grant(ACME, "usr helga modifyAccount", "usr greta modifyAccount")
        for value, code in [("100", SUCCESS), ("101", INSUFFICIENT_ACCESS_RIGHTS), ("0", INSUFFICIENT_ACCESS_RIGHTS)]:
            assert helga.modify(dn("user"), ("replace", "zimbraMailQuota", value)).code == code, value
        assert clients["greta"].modify(dn("user"), ("replace", "zimbraMailQuota", "1")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.modify(dn("user"), ("increment", "zimbraMailQuota", "1")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_nobody_makes_themselves_more(self, clients, grant):
        """Flags of administrators, grants, identities and secrets are beyond all rights."""
        helga = clients["helga"]
        grant(GLOBAL, "usr helga modifyAccount", "usr helga getAccount", "usr helga modifyDomain")
        for attribute, value in [("zimbraIsAdminAccount", "TRUE"), ("zimbraIsDelegatedAdminAccount", "TRUE"), ("zimbraACE", text("usr helga getAccount")),
                                 ("zimbraId", "x"), ("objectClass", "zimbraGlobalConfig"), ("zimbraDomainAdminMaxMailQuota", "0"), ("userPassword", "x")]:
            for entry in ("user", "helga"):
                if (attribute, entry) == ("userPassword", "helga"):
                    continue
                assert helga.modify(dn(entry), ("add", attribute, value)).code == INSUFFICIENT_ACCESS_RIGHTS, (attribute, entry)
        for attribute in ("userPassword", "zimbraIsAdminAccount", "zimbraPasswordHistory", "zimbraAuthTokenKey"):
            assert not reads(helga, dn("user"), attribute)

    def test_10_8_domain_administrators(self, clients, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga domainAdminRights")
        assert helga.modify(dn("user"), ("replace", "displayName", "User"), ("replace", "zimbraNotes", "x")).code == SUCCESS
        assert helga.modify(dn("far"), ("replace", "displayName", "Far")).code == INSUFFICIENT_ACCESS_RIGHTS
        # Not among those with the flag domainAdminModifiable.
        assert helga.modify(dn("user"), ("replace", "zimbraMailTransport", "lmtp:x:1")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.modify(dn("team"), ("add", "zimbraMailForwardingAddress", "new@acme.example")).code == SUCCESS
        assert helga.modify(dn("team"), ("delete", "zimbraMailForwardingAddress", "new@acme.example")).code == SUCCESS
        assert helga.modify(dn("user"), ("add", "zimbraMailAlias", "second@acme.example")).code == SUCCESS
        assert helga.modify(dn("user"), ("delete", "zimbraMailAlias", "second@acme.example")).code == SUCCESS
        assert helga.password(dn("user"), None, "pw").code == SUCCESS

    def entry(self, uid, **more):
        return {"objectClass": ["inetOrgPerson", "zimbraAccount", "amavisAccount"], "uid": uid, "cn": uid, "sn": uid, "mail": f"{uid}@acme.example",
                "zimbraMailDeliveryAddress": f"{uid}@acme.example", "zimbraId": identity(uid), "zimbraMailStatus": "enabled",
                "zimbraAccountStatus": "active", "userPassword": "pw", **more}

    def test_create_rename_delete(self, clients, grant):
        helga = clients["helga"]
        new = f"uid=new,ou=people,{ACME}"
        assert helga.add(new, self.entry("new")).code == INSUFFICIENT_ACCESS_RIGHTS
        grant(ACME, "usr helga createAccount")
        assert helga.add(f"uid=new,ou=people,{OTHER}", self.entry("new")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.add(f"uid=list,ou=people,{ACME}", {"objectClass": ["zimbraDistributionList", "zimbraMailRecipient"], "uid": "list",
                         "zimbraId": "x"}).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.add(f"ou=unit,{ACME}", {"objectClass": "organizationalUnit", "ou": "unit"}).code == INSUFFICIENT_ACCESS_RIGHTS
        for more in ({"zimbraIsAdminAccount": "TRUE"}, {"zimbraIsDelegatedAdminAccount": "TRUE"}, {"zimbraNotes": "not by this right"}):
            assert helga.add(new, self.entry("new", **more)).code == INSUFFICIENT_ACCESS_RIGHTS, more
        assert helga.add(new, self.entry("new")).code == SUCCESS
        assert helga.rename(new, "uid=newer").code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.delete(new).code == INSUFFICIENT_ACCESS_RIGHTS
        grant(ACME, "usr helga renameAccount")
        assert helga.rename(new, "uid=newer").code == SUCCESS
        assert helga.rename(f"uid=newer,ou=people,{ACME}", "uid=newer", f"ou=people,{OTHER}").code != SUCCESS
        grant(ACME, "usr helga deleteAccount")
        assert helga.delete(dn("team")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.delete(f"uid=newer,ou=people,{ACME}").code == SUCCESS

    def test_delete_by_a_grant_on_the_entry(self, clients, grant, root):
        helga = clients["helga"]
        new = f"uid=doomed,ou=people,{ACME}"
        assert root.add(new, self.entry("doomed")).code == SUCCESS
        grant(new, "usr helga deleteAccount")
        assert helga.delete(dn("user")).code == INSUFFICIENT_ACCESS_RIGHTS
        assert helga.delete(new).code == SUCCESS

    def test_grants_that_go_are_gone(self, clients, grant, root):
        grant(dn("user"), "usr helga get.account.zimbraNotes")
        assert reads(clients["helga"], dn("user"))
        root.modify(dn("user"), ("replace", "zimbraACE", None))
        assert not reads(clients["helga"], dn("user"))


class TestOwners:
    """10.6"""

    def test_members_and_settings(self, clients, grant):
        owner = clients["owner"]
        change = ("add", "zimbraMailForwardingAddress", "friend@elsewhere.example")
        assert owner.modify(dn("team"), change).code == INSUFFICIENT_ACCESS_RIGHTS
        grant(dn("team"), "usr owner ownDistList")
        assert owner.modify(dn("team"), change).code == SUCCESS
        assert reads(owner, dn("team"), "zimbraMailForwardingAddress")
        assert owner.modify(dn("team"), ("delete", *change[1:]), ("replace", "displayName", "The Team")).code == SUCCESS
        assert owner.modify(dn("inner"), change).code == INSUFFICIENT_ACCESS_RIGHTS
        for attribute, value in [("zimbraACE", text("usr owner modifyDistributionList")), ("mail", "x@acme.example"), ("zimbraIsAdminGroup", "TRUE")]:
            assert owner.modify(dn("team"), ("replace", attribute, value)).code == INSUFFICIENT_ACCESS_RIGHTS
        assert owner.delete(dn("team")).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_groups_of_owners(self, clients, grant):
        grant(dn("helpers"), "grp inner ownDistList")
        assert clients["owner"].modify(dn("helpers"), ("replace", "displayName", "x")).code == SUCCESS
        assert clients["user"].modify(dn("helpers"), ("replace", "displayName", "x")).code == INSUFFICIENT_ACCESS_RIGHTS


class TestDelegation:
    """10.3.3, 10.3.5: who may write zimbraACE."""

    def gives(self, root, client, entry, value):
        """Whether somebody may add a grant, and take it away again."""
        entry = entry if "=" in entry else dn(entry)
        added = client.modify(entry, ("add", "zimbraACE", text(value)))
        # Below cn=zimbra there is nothing for those who may not see it.
        refused = NO_SUCH_OBJECT if entry == GLOBAL else INSUFFICIENT_ACCESS_RIGHTS
        assert added.code in (SUCCESS, refused), added
        if added.code != SUCCESS:
            # Nor take away what another has given.
            if root.modify(entry, ("add", "zimbraACE", text(value))).code == SUCCESS:
                assert client.modify(entry, ("delete", "zimbraACE", text(value))).code == refused
                assert root.modify(entry, ("delete", "zimbraACE", text(value))).code == SUCCESS
            return False
        assert client.modify(entry, ("delete", "zimbraACE", text(value))).code == SUCCESS
        return True

    def test_accounts_of_themselves(self, clients, root, grant):
        user = clients["user"]
        for value in ("usr owner sendAs", "usr owner sendOnBehalfOf", "grp team loginAs", "all x -invite", "dom other.example viewFreeBusy"):
            assert self.gives(root, user, "user", value), value
        for entry, value in [("user", "usr owner getAccount"), ("user", "usr owner +sendAs"), ("owner", "usr user sendAs"), ("team", "usr user sendAsDistList"),
                             (ACME, "usr user createDistList"), ("user", "usr owner aRightOfAnotherServer"), (GLOBAL, "usr user getAccount")]:
            assert not self.gives(root, user, entry, value), (entry, value)
        grant(dn("user"), "usr helga getAccount", "usr owner sendAs")
        stored = user.read(dn("user"), ["zimbraACE"]).only["zimbraACE"]
        assert sorted(stored) == sorted(text(v).encode() for v in ("usr helga getAccount", "usr owner sendAs"))
        # What an administrator has given stays.
        assert user.modify(dn("user"), ("replace", "zimbraACE", None)).code == INSUFFICIENT_ACCESS_RIGHTS
        assert user.modify(dn("user"), ("delete", "zimbraACE", None)).code == INSUFFICIENT_ACCESS_RIGHTS
        assert user.modify(dn("user"), ("replace", "zimbraACE", [text("usr helga getAccount"), text("usr far sendAs")])).code == SUCCESS
        assert user.modify(dn("user"), ("replace", "zimbraACE", [text("usr far sendAs")])).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_owners_of_their_lists(self, clients, root, grant):
        owner = clients["owner"]
        assert not self.gives(root, owner, "team", "usr user sendToDistList")
        grant(dn("team"), "usr owner ownDistList")
        for value in ("usr user sendToDistList", "edom other.example sendToDistList", "usr user ownDistList", "all x -viewDistList", "usr owner sendAsDistList"):
            assert self.gives(root, owner, "team", value), value
        for entry, value in [("team", "usr user modifyDistributionList"), ("team", "usr user +ownDistList"), ("inner", "usr user sendToDistList"), ("user", "usr owner sendAs")]:
            assert not self.gives(root, owner, entry, value), (entry, value)

    def test_10_3_5_rights_with_a_plus(self, clients, root, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga +getAccount", "usr helga +setDomainAdminAccountAttributes", "usr helga modifyDistributionList")
        for entry, value in [(ACME, "usr greta getAccount"), ("user", "usr greta getAccount"), ("user", "usr greta get.account.zimbraNotes"), ("user", "usr greta -getAccount"),
                             (ACME, "usr greta +getAccount"), (ACME, "grp helpers set.account.displayName"), ("user", "usr greta get.account.displayName")]:
            assert self.gives(root, helga, entry, value), (entry, value)
        for entry, value in [(ACME, "usr greta modifyAccount"), (ACME, "usr greta set.account.zimbraMailTransport"), (ACME, "usr greta modifyDistributionList"),
                             ("team", "usr greta modifyDistributionList"), (OTHER, "usr greta getAccount"), ("far", "usr greta getAccount"), (GLOBAL, "usr greta getAccount"),
                             (ACME, "usr greta domainAdminAccountRights"), (ACME, "usr greta get.domain.zimbraNotes"), (ACME, "dom other.example crossDomainAdmin"),
                             ("boss", "usr greta getAccount")]:
            assert not self.gives(root, helga, entry, value), (entry, value)

    def test_10_3_5_combinations_whole_and_in_part(self, clients, root, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga +domainAdminAccountRights")
        for value in ("usr greta domainAdminAccountRights", "usr greta listAccount", "usr greta createAccount", "usr greta +setAccountPassword", "usr greta set.account.displayName"):
            assert self.gives(root, helga, ACME, value), value
        for value in ("usr greta domainAdminRights", "usr greta modifyAccount", "usr greta createDistributionList", "usr greta *getDomain"):
            assert not self.gives(root, helga, ACME, value), value

    def test_10_3_5_for_subdomains_only_from_above_all(self, clients, root, grant):
        grant(ACME, "usr helga +getDomain")
        assert self.gives(root, clients["helga"], ACME, "usr greta getDomain") and not self.gives(root, clients["helga"], ACME, "usr greta *getDomain")
        grant(GLOBAL, "usr helga +getDomain")
        assert self.gives(root, clients["helga"], ACME, "usr greta *getDomain")

    def test_what_is_denied_is_not_passed_on(self, clients, root, grant):
        helga = clients["helga"]
        grant(ACME, "usr helga +getAccount")
        grant(dn("user"), "usr helga -get.account.zimbraNotes")
        assert not self.gives(root, helga, ACME, "usr greta getAccount"), "greta would read the notes of user"
        assert not self.gives(root, helga, "user", "usr greta get.account.zimbraNotes")
        assert self.gives(root, helga, "user", "usr greta get.account.title") and self.gives(root, helga, "owner", "usr greta getAccount")
        assert helga.modify(dn("user"), ("delete", "zimbraACE", text("usr helga -get.account.zimbraNotes"))).code == INSUFFICIENT_ACCESS_RIGHTS

    def test_10_3_3_users_rights_without_holding_them(self, clients, root, grant):
        helga = clients["helga"]
        assert not self.gives(root, helga, "user", "usr owner sendAs")
        grant(ACME, "usr helga domainAdminRights")
        for entry, value in [("user", "usr owner sendAs"), ("team", "usr owner ownDistList"), ("team", "all x -sendToDistList"), (ACME, "usr owner createDistList")]:
            assert self.gives(root, helga, entry, value), (entry, value)
        for entry, value in [("far", "usr owner sendAs"), ("user", "usr owner getAccount"), (GLOBAL, "usr owner viewFreeBusy"), ("boss", "usr owner sendAs")]:
            assert not self.gives(root, helga, entry, value), (entry, value)

    def test_what_was_passed_on_counts(self, clients, root, grant):
        grant(ACME, "usr helga +getAccount")
        assert not reads(clients["greta"], dn("user"))
        assert clients["helga"].modify(ACME, ("add", "zimbraACE", text("usr greta getAccount"))).code == SUCCESS
        assert reads(clients["greta"], dn("user")) and not reads(clients["greta"], dn("far"))

    def test_10_3_7_members_of_other_domains(self, clients, root, grant):
        """Who puts a stranger into a list has no right over the stranger."""
        assert root.modify(dn("team"), ("add", "zimbraMailForwardingAddress", "far@other.example")).code == SUCCESS
        try:
            grant(dn("team"), "usr helga getAccount", "usr helga modifyAccount")
            assert reads(clients["helga"], dn("user"))
            assert not reads(clients["helga"], dn("far")) and clients["helga"].modify(dn("far"), ("replace", "title", "x")).code == INSUFFICIENT_ACCESS_RIGHTS
            grant(OTHER, "dom acme.example crossDomainAdmin")
            assert reads(clients["helga"], dn("far"))
        finally:
            root.modify(dn("team"), ("delete", "zimbraMailForwardingAddress", "far@other.example"))


class TestValues:
    """10.1, 10.2: zimbraACE is checked when it is written."""

    @pytest.mark.parametrize("value", ["", "x", "usr right", "x usr", "x nobody sendAs", f"{ALL}x all sendAs", "x all sendAs", "x pub sendAs",
                                       "x egp sendAs", "x usr ++sendAs", "x usr +-sendAs", "x usr *+getDomain"])
    def test_what_is_malformed(self, root, value):
        assert root.modify(dn("user"), ("add", "zimbraACE", value)).code in (INVALID_ATTRIBUTE_SYNTAX,)

    @pytest.mark.parametrize("entry,value", [
        ("user", "usr owner ownDistList"), ("user", "usr owner sendToDistList"), ("team", "usr owner sendAs"), (ACME, "usr owner sendAs"),
        ("user", "all x getAccount"), ("user", "pub x modifyAccount"), ("user", "dom acme.example getAccount"), ("user", "usr helga *getAccount"),
        ("team", "usr helga *getDomain"), ("user", "usr helga ^getAccount"), ("user", "usr user sendAs"), ("team", "gst a@b.c getGroup"),
        ("team", "edom b.c ownDistList"), ("user", "usr helga getDomain")])
    def test_what_cannot_be(self, root, entry, value):
        result = root.modify(entry if "=" in entry else dn(entry), ("add", "zimbraACE", text(value)))
        assert result.code == CONSTRAINT_VIOLATION, result

    @pytest.mark.parametrize("entry,value", [
        ("user", "usr owner sendAs"), ("user", "grp team sendOnBehalfOf"), ("user", "all x -invite"), ("team", "pub x sendToDistList"),
        ("team", "dom acme.example sendToDistList"), ("team", "edom other.example sendToDistList"), ("team", "usr helga ^getAccount"),
        (ACME, "usr helga *getDomain"), (ACME, "usr helga +domainAdminRights"), (ACME, "usr owner createDistList"),
        (GLOBAL, "usr helga getAccount"), ("user", "usr helga aRightOfAnotherServer"), (ACME, "dom other.example crossDomainAdmin")])
    def test_what_can_be(self, grant, entry, value):
        grant(entry if "=" in entry else dn(entry), value)

    def test_grantees_with_spaces_and_secrets(self, root):
        result = root.modify(dn("team"), ("add", "zimbraACE", "guest one@b.c:pass word gst getGroup"))
        assert result.code == CONSTRAINT_VIOLATION and "pass word" not in result.message, result
        assert root.modify(dn("team"), ("add", "zimbraACE", "guest one@b.c:pass word gst sendToDistList")).code == SUCCESS
        assert root.modify(dn("team"), ("replace", "zimbraACE", None)).code == SUCCESS

    def test_what_stands_there_is_left_alone(self, server, root):
        """An import brings what another server accepted."""
        assert root.modify(dn("user"), ("replace", "description", "x")).code == SUCCESS


class TestSending:
    """10.4, 10.5: what a policy service asks, bound as zmpostfix."""

    def may(self, postfix, who, attribute, entry):
        compared = postfix.compare(dn(entry), attribute, who).code
        assert compared in (COMPARE_TRUE, COMPARE_FALSE)
        found = entry in finds(postfix, f"({attribute}={who})")
        assert found == (compared == COMPARE_TRUE), "a search finds what a compare says"
        return found

    def test_send_as_accounts(self, postfix, grant):
        may = lambda who, entry="user", attribute="musterSendAs": self.may(postfix, who, attribute, entry)
        assert may("user@acme.example") and may("alias.of.user@acme.example") and may(dn("user")), "as oneself"
        assert not may("owner@acme.example") and not may("nobody@nowhere.example") and not may("uid=nobody")
        grant(dn("user"), "usr owner sendAs", "usr far sendOnBehalfOf")
        assert may("owner@acme.example") and may("OWNER@ACME.EXAMPLE") and may(dn("owner"))
        assert not may("far@other.example") and may("far@other.example", attribute="musterSendOnBehalfOf")
        assert not may("owner@acme.example", entry="boss")
        assert not may("owner@acme.example", attribute="musterSendOnBehalfOf")

    def test_send_as_by_groups_and_denials(self, postfix, grant):
        grant(dn("boss"), "grp team sendAs", "usr user -sendAs")
        assert self.may(postfix, "owner@acme.example", "musterSendAs", "boss"), "of an inner list"
        assert not self.may(postfix, "user@acme.example", "musterSendAs", "boss"), "individuals come before groups (10.3.4)"
        assert not self.may(postfix, "greta@acme.example", "musterSendAs", "boss")

    def test_send_as_lists(self, postfix, grant):
        grant(dn("team"), "usr owner sendAsDistList", "all x sendOnBehalfOfDistList")
        assert self.may(postfix, "owner@acme.example", "musterSendAs", "team")
        assert not self.may(postfix, "far@other.example", "musterSendAs", "team")
        assert self.may(postfix, "far@other.example", "musterSendOnBehalfOf", "team")
        assert not self.may(postfix, "guest@nowhere.example", "musterSendOnBehalfOf", "team"), "all are those inside"

    def test_send_to_lists(self, postfix, grant):
        may = lambda who, entry="team": self.may(postfix, who, "musterSendTo", entry)
        for who in ("user@acme.example", "guest@nowhere.example", dn("far")):
            assert may(who), "without a grant everybody may (10.2)"
        grant(dn("team"), "usr owner sendToDistList")
        assert may("owner@acme.example") and not may("user@acme.example") and not may("guest@nowhere.example"), "10.3.6"
        assert may("user@acme.example", "helpers")
        grant(dn("team"), "edom nowhere.example sendToDistList", "dom other.example sendToDistList")
        assert may("guest@nowhere.example") and may("far@other.example") and not may("guest@elsewhere.example")

    def test_send_to_lists_of_a_domain(self, postfix, grant):
        may = lambda who, entry="team": self.may(postfix, who, "musterSendTo", entry)
        grant(ACME, "all x sendToDistList")
        assert may("far@other.example") and not may("guest@nowhere.example")
        grant(dn("team"), "pub x sendToDistList")
        assert may("guest@nowhere.example") and not may("guest@nowhere.example", "helpers")

    def test_send_to_lists_within_lists(self, postfix, grant):
        """10.2: what is granted on a list holds of those in it."""
        grant(dn("team"), "usr far sendToDistList")
        assert self.may(postfix, "far@other.example", "musterSendTo", "inner")
        assert not self.may(postfix, "user@acme.example", "musterSendTo", "inner")

    def test_send_to_is_for_lists(self, postfix):
        assert finds(postfix, "(musterSendTo=user@acme.example)") == {"team", "inner", "helpers"}

    def test_explanations(self, postfix, grant):
        grant(dn("team"), "usr owner sendToDistList", "usr far -sendToDistList")
        grant(ACME, "all x sendToDistList")
        lines = [v.decode() for v in postfix.read(dn("team"), ["musterSendTo"]).only["musterSendTo"]]
        assert sorted(lines) == [
            f"1. deny usr far@other.example: on {dn('team')} (the entry itself)", f"2. allow usr owner@acme.example: on {dn('team')} (the entry itself)",
            f"3. allow all: on {ACME} (its domain)", "4. deny everybody else: it is granted to some"]
        assert postfix.read(dn("helpers"), ["musterSendAs"]).only["musterSendAs"] == [b"1. deny everybody: nobody has granted sendAsDistList"]

    def test_delegated_addresses(self, postfix, root):
        """10.5 (2), (4)"""
        values = lambda: set(postfix.read(dn("user"), ["musterDelegatedAddress"]).only["musterDelegatedAddress"])
        assert values() == {b"user@acme.example"}
        assert finds(postfix, "(musterDelegatedAddress=user@acme.example)") == {"user"}
        assert finds(postfix, "(musterDelegatedAddress=team@acme.example)") == {"team"}
        root.modify(dn("user"), ("replace", "zimbraPrefAllowAddressForDelegatedSender", "alias.of.user@acme.example"),
                    ("replace", "zimbraAllowFromAddress", "user@outside.example"))
        assert values() == {b"alias.of.user@acme.example", b"user@outside.example"}
        assert finds(postfix, "(musterDelegatedAddress=user@acme.example)") == set()
        assert finds(postfix, "(&(musterDelegatedAddress=user@outside.example)(musterSendAs=user@acme.example))") == {"user"}
        root.modify(dn("user"), ("replace", "zimbraPrefAllowAddressForDelegatedSender", None), ("replace", "zimbraAllowFromAddress", None))

    def test_is_for_those_whom_the_rules_let(self, clients):
        assert clients["user"].compare(dn("team"), "musterSendTo", "user@acme.example").code == INSUFFICIENT_ACCESS_RIGHTS
        assert finds(clients["user"], "(musterSendTo=user@acme.example)") == set()


def test_command_explains_grants(server, grant):
    grant(ACME, "usr helga get.account.zimbraNotes")
    out = server.command("access", "--data", server.data, "--as", dn("helga"), "--entry", dn("user"), "--attribute", "zimbraNotes").stdout.decode()
    assert "zimbraNotes: read(=rscxd)" in out or "zimbraNotes: =rscd" in out
    assert f'granted: zimbraACE "{IDS["helga"]} usr get.account.zimbraNotes" on {ACME} (its domain)' in out


def test_effective_rights_count_grants(root, grant):
    from client import control
    grant(ACME, "usr helga set.account.title")
    entry = root.search(dn("user"), "base", attributes=["title", "zimbraNotes"],
                        controls=[control("1.3.6.1.4.1.42.2.27.9.5.2", True, octets("dn:" + dn("helga")))]).only
    assert entry["attributeLevelRights"] == [b"title:rscwo, zimbraNotes:none"]
