"""What access rules hide is hidden whichever way one looks: lists and their members, filters by general types, answers to changes,
the address list, records of inheritance. And what tells of rights: the effective rights control, `muster access`."""
import pytest
from ldap.controls.libldap import AssertionControl
from ldap.controls.readentry import PreReadControl

from client import (COMPARE_TRUE, CONSTRAINT_VIOLATION, ENTRY_ALREADY_EXISTS, INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT, PROTOCOL_ERROR,
                    SUCCESS, Client, control)
from servers import ROOT_DN, ROOT_PASSWORD, Muster, target

pytestmark = pytest.mark.skipif(target() == "slapd", reason="what Muster does beyond slapd")

DOMAIN = "dc=acme,dc=example"
PEOPLE = "ou=people," + DOMAIN
HIDDEN = "ou=hidden," + DOMAIN
USER, BOSS, GHOST = "uid=user," + PEOPLE, "uid=boss," + PEOPLE, "uid=ghost," + HIDDEN
RIGHTS = "1.3.6.1.4.1.42.2.27.9.5.2"

RULES = f"""
access to attrs=userPassword by self write by anonymous auth by * none
access to dn.subtree="{HIDDEN}" by dn="{BOSS}" write by * none
access to dn.subtree="dc=closed,dc=example" by dn="{BOSS}" write by * none
access to attrs=sn,zimbraMailQuota by dn="{BOSS}" write by * none
access to dn.subtree="{PEOPLE}" attrs=description,entry,children by users write
access to * by dn="{BOSS}" write by users read
"""

LDIF = f"""dn: dc=example
objectClass: domain
dc: example

dn: {DOMAIN}
objectClass: zimbraDomain
objectClass: dcObject
objectClass: organization
dc: acme
o: Acme
zimbraDomainName: acme.example
zimbraDomainType: local
zimbraDomainStatus: active
zimbraId: d0000000-0000-0000-0000-000000000001

dn: dc=closed,dc=example
objectClass: zimbraDomain
objectClass: dcObject
objectClass: organization
dc: closed
o: Closed
zimbraDomainName: closed.example
zimbraDomainType: local
zimbraDomainStatus: active
zimbraId: d0000000-0000-0000-0000-000000000002

dn: cn=zimbra
objectClass: organizationalRole
cn: zimbra

dn: cn=cos,cn=zimbra
objectClass: organizationalRole
cn: cos

dn: cn=default,cn=cos,cn=zimbra
objectClass: zimbraCOS
cn: default
zimbraId: c0000000-0000-0000-0000-000000000001
zimbraMailQuota: 7
zimbraPrefLocale: en

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {HIDDEN}
objectClass: organizationalUnit
ou: hidden

""" + "".join(f"""dn: {dn}
objectClass: inetOrgPerson
objectClass: zimbraAccount
objectClass: amavisAccount
uid: {uid}
cn: {uid}
sn: surname of {uid}
mail: {uid}@acme.example
zimbraId: a0000000-0000-0000-0000-00000000000{number}
zimbraMailDeliveryAddress: {uid}@acme.example
zimbraMailStatus: enabled
zimbraAccountStatus: active
title: everybody
userPassword: pw

""" for number, (uid, dn) in enumerate([("user", USER), ("boss", BOSS), ("ghost", GHOST)])) + f"""dn: cn=everybody,{DOMAIN}
objectClass: groupOfURLs
cn: everybody
memberURL: ldap:///{DOMAIN}??sub?(title=everybody)

dn: cn=secret list,{HIDDEN}
objectClass: groupOfNames
cn: secret list
member: {USER}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("looking")
    (folder / "rules").write_text(RULES)
    (folder / "data.ldif").write_text(LDIF)
    # What the rules alone say.
    (folder / "muster.json").write_text('{"mail": {"rights": false}}')
    server = Muster(folder / "muster", ["--config", str(folder / "muster.json")], rules=folder / "rules")
    server.load(folder / "data.ldif")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def user(server):
    with Client(server.url, USER, "pw") as client:
        yield client


@pytest.fixture(scope="module")
def boss(server):
    with Client(server.url, BOSS, "pw") as client:
        yield client


@pytest.fixture(scope="module")
def root(server):
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


def names(result, attribute):
    return {value.decode() for value in result.only.get(attribute, [])}


class TestLists:
    """As with slapd's dynlist overlay, a list without `dgIdentity` is looked through with the rights of who asks."""
    LIST = "cn=everybody," + DOMAIN

    def test_members(self, user, boss, root):
        assert names(user.read(self.LIST, ["member"]), "member") == {USER, BOSS}
        assert names(boss.read(self.LIST, ["member"]), "member") == names(root.read(self.LIST, ["member"]), "member") == {USER, BOSS, GHOST}

    def test_filters_and_compares(self, user, boss):
        assert user.search("", filter=f"(member={GHOST})", attributes=["1.1"]).names == set()
        assert boss.search("", filter=f"(member={GHOST})", attributes=["1.1"]).names == {self.LIST}
        assert user.search("", filter=f"(member={BOSS})", attributes=["1.1"]).names == {self.LIST}
        assert user.compare(self.LIST, "member", GHOST).code != COMPARE_TRUE
        assert boss.compare(self.LIST, "member", GHOST).code == COMPARE_TRUE

    def test_lists_that_may_not_be_seen(self, user, boss):
        assert names(user.read(USER, ["memberOf"]), "memberOf") == {self.LIST}
        assert names(boss.read(USER, ["memberOf"]), "memberOf") == {self.LIST, "cn=secret list," + HIDDEN}
        secret = f"(memberOf=cn=secret list,{HIDDEN})"
        assert user.search("", filter=secret, attributes=["1.1"]).names == set()
        assert boss.search("", filter=secret, attributes=["1.1"]).names == {USER}


class TestListsInAnothersName:
    """A list with `dgIdentity` is looked through with that identity's rights, whoever asks; `dgAuthz` says who may see what is found."""
    @pytest.fixture(scope="class")
    def lists(self, root):
        made = {}
        for name, more in {"boss": {"dgIdentity": BOSS}, "user": {"dgIdentity": USER}, "nobody": {},
                           "closed": {"dgIdentity": BOSS, "dgAuthz": f"dn:{BOSS}"}, "ghosts": {"dgIdentity": BOSS}}.items():
            url = f"ldap:///{HIDDEN}??sub?(uid=ghost)" if name == "ghosts" else f"ldap:///{DOMAIN}??sub?(&(title=everybody)(sn=surname*))"
            made[name] = f"cn=found by {name},{DOMAIN}"
            assert root.add(made[name], {"objectClass": ["groupOfURLs", "dgIdentityAux"], "cn": f"found by {name}", "memberURL": url, **more}).code == SUCCESS
        yield made
        for name in made.values():
            assert root.delete(name).code == SUCCESS

    # The user may neither see the ghost nor search for surnames.
    EVERYBODY = {USER, BOSS, GHOST}
    FOUND = {"user": {"boss": EVERYBODY, "user": set(), "nobody": set(), "closed": set(), "ghosts": {GHOST}},
             "boss": {"boss": EVERYBODY, "user": set(), "nobody": EVERYBODY, "closed": EVERYBODY, "ghosts": {GHOST}}}

    @pytest.mark.parametrize("who", ["user", "boss"])
    def test_all_ways_agree(self, lists, user, boss, who):
        client = user if who == "user" else boss
        for name, found in self.FOUND[who].items():
            assert names(client.read(lists[name], ["member"]), "member") == found, name
            for member in self.EVERYBODY:
                assert (client.compare(lists[name], "member", member).code == COMPARE_TRUE) == (member in found), (name, member)
            present = client.search(lists[name], "base", "(member=*)", ["1.1"]).names
            assert present == ({lists[name]} if found else set()), name
        for member in self.EVERYBODY:
            expected = {lists[name] for name, found in self.FOUND[who].items() if member in found}
            assert client.search("", filter=f"(member={member})", attributes=["1.1"]).names & set(lists.values()) == expected, member
            if (who, member) != ("user", GHOST):
                assert names(client.read(member, ["memberOf"]), "memberOf") & set(lists.values()) == expected, member

    def test_root_is_above(self, lists, root):
        for name in lists:
            assert names(root.read(lists[name], ["member"]), "member") == ({GHOST} if name == "ghosts" else self.EVERYBODY), name


class TestGeneralTypes:
    """`name` is the type of which `cn` and `sn` are subtypes: of those that may not be searched for, values do not count."""

    @pytest.mark.parametrize("filter", ["(name=surname of boss)", "(name=surname*)", "(name:caseIgnoreMatch:=surname of boss)",
                                        "(:caseIgnoreMatch:=surname of boss)"])
    def test_hidden_subtypes(self, user, boss, filter):
        assert BOSS in boss.search(BOSS, "base", filter, ["1.1"]).names
        assert user.search(BOSS, "base", filter, ["1.1"]).names == set()

    def test_others_count(self, user):
        assert user.search(PEOPLE, "sub", "(name=boss)", ["1.1"]).names == {BOSS}

    def test_compare(self, user, boss):
        assert boss.compare(BOSS, "name", "surname of boss").code == COMPARE_TRUE
        assert user.compare(BOSS, "name", "surname of boss").code != COMPARE_TRUE
        assert user.compare(BOSS, "name", "boss").code == COMPARE_TRUE

    def test_selection(self, user):
        assert set(user.read(BOSS, ["name"]).only) == {"cn", "title"} | ({"ou"} if "ou" in user.read(BOSS, ["name"]).only else set())


class TestInheritance:
    """An inherited value is the entry's: the rules on it decide; and whose it is, is told with it."""

    def test_values_and_their_record(self, user, boss):
        seen = user.read(USER, ["zimbraMailQuota", "zimbraPrefLocale", "musterInheritedFrom"]).only
        assert "zimbraMailQuota" not in seen and seen["zimbraPrefLocale"] == [b"en"]
        assert seen["musterInheritedFrom"] == [b"zimbraPrefLocale cn=default,cn=cos,cn=zimbra"]
        assert boss.read(USER, ["zimbraMailQuota", "musterInheritedFrom"]).only["musterInheritedFrom"] == [
            b"zimbraMailQuota cn=default,cn=cos,cn=zimbra"]
        assert not any(v.startswith(b"zimbraMailQuota") for v in user.read(USER, ["musterInheritedFrom"]).only["musterInheritedFrom"])

    def test_filters(self, user, boss):
        assert user.search("", filter="(zimbraMailQuota=7)", attributes=["1.1"]).names == set()
        assert USER in boss.search("", filter="(zimbraMailQuota=7)", attributes=["1.1"]).names


def same(a, b):
    """Whether two answers tell the same."""
    return (a.code, a.matched, a.message) == (b.code, b.matched, b.message)


class TestAnswersToChanges:
    """An entry that may not be told of is answered for as one that does not exist; and nobody learns which values are taken from changes
    that they may not make."""
    NOBODY = "uid=nobody," + HIDDEN

    def test_hidden_or_missing(self, user):
        # What stands above it, `ou=hidden`, is not to be told of either.
        for operation in (lambda dn: user.delete(dn), lambda dn: user.modify(dn, ("replace", "title", "x")), lambda dn: user.rename(dn, "uid=x"),
                          lambda dn: user.compare(dn, "cn", "ghost"), lambda dn: user.read(dn),
                          lambda dn: user.rename(USER, "uid=user", dn), lambda dn: user.password(dn, None, "x"),
                          lambda dn: user.add(dn, {"objectClass": "inetOrgPerson", "cn": "x", "sn": "x"})):
            hidden, missing = operation(GHOST), operation(self.NOBODY)
            assert same(hidden, missing), (hidden, missing)
            assert hidden.code in (NO_SUCH_OBJECT, INSUFFICIENT_ACCESS_RIGHTS)

    def test_values_that_are_taken(self, user, boss):
        taken, free = [user.modify(BOSS, ("replace", "mail", f"{name}@acme.example")) for name in ("ghost", "nobody")]
        assert same(taken, free) and taken.code == INSUFFICIENT_ACCESS_RIGHTS
        entry = {"objectClass": "inetOrgPerson", "cn": "x", "sn": "x", "uid": "x"}
        taken, free = [user.add("uid=x," + DOMAIN, {**entry, "mail": f"{name}@acme.example"}) for name in ("ghost", "nobody")]
        assert same(taken, free) and taken.code == INSUFFICIENT_ACCESS_RIGHTS
        assert boss.modify(BOSS, ("replace", "mail", "ghost@acme.example")).code == CONSTRAINT_VIOLATION

    def test_names_that_are_taken(self, user, boss):
        entry = {"objectClass": "inetOrgPerson", "cn": "x", "sn": "x"}
        assert user.add(BOSS, entry).code == ENTRY_ALREADY_EXISTS
        assert boss.add(GHOST, entry).code == ENTRY_ALREADY_EXISTS

    def test_passwords_of_others(self, user):
        assert same(user.modify(BOSS, ("replace", "userPassword", "a")), user.modify(BOSS, ("replace", "userPassword", "long enough 123")))

    def test_entries_read_with_a_change(self, user, boss):
        """RFC 4527: no more than a search shows."""
        change = ("replace", "description", "x")
        seen = [client.modify(BOSS, change, controls=[PreReadControl(attrList=["sn", "cn", "name", "zimbraMailQuota"])]).control(PreReadControl.controlType)
                for client in (user, boss)]
        assert set(seen[0].entry) == {"cn", "title"} or set(seen[0].entry) == {"cn"}
        assert {"sn", "cn"} <= set(seen[1].entry)

    def test_assertions(self, user, boss):
        """RFC 4528: an assertion on what may not be searched for is not true."""
        change = ("replace", "description", "y")
        assert user.modify(BOSS, change, controls=[AssertionControl(True, "(sn=surname of boss)")]).code == 122
        assert boss.modify(BOSS, change, controls=[AssertionControl(True, "(sn=surname of boss)")]).code == SUCCESS


class TestAddressList:
    def test_of_a_domain_that_may_not_be_seen(self, user, boss):
        for dn in ("cn=gal,dc=closed,dc=example", "mail=x@closed.example,cn=gal,dc=closed,dc=example", "cn=x,cn=y,cn=gal,dc=closed,dc=example"):
            assert same(user.search(dn, attributes=["1.1"]), user.search("dc=closed,dc=example", attributes=["1.1"]))
            assert user.compare(dn, "cn", "x").code == NO_SUCH_OBJECT
        assert boss.search("cn=gal,dc=closed,dc=example", "base", attributes=["1.1"]).code == SUCCESS
        assert same(user.delete("cn=gal,dc=closed,dc=example"), user.delete("cn=nobody,dc=closed,dc=example"))

    def test_entries_that_may_not_be_seen(self, user, boss):
        book = "cn=gal," + DOMAIN
        mails = [{entry["mail"][0] for _, entry in client.search(book, "one", attributes=["mail"]).entries} for client in (user, boss)]
        assert mails[0] == {b"user@acme.example", b"boss@acme.example"}
        assert mails[1] == mails[0] | {b"ghost@acme.example"}
        dn = "mail=ghost@acme.example," + book
        assert user.read(dn).code == user.compare(dn, "mail", "ghost@acme.example").code == NO_SUCH_OBJECT
        assert boss.read(dn).code == SUCCESS


class TestEffectiveRights:
    """The control 1.3.6.1.4.1.42.2.27.9.5.2."""

    def rights(self, client, dn, value, attributes=("cn", "sn", "description", "userPassword"), critical=True):
        result = client.search(dn, "base", attributes=list(attributes), controls=[control(RIGHTS, critical, value)])
        if result.code:
            return result.code
        entry = result.only
        assert len(entry["entryLevelRights"]) == len(entry["attributeLevelRights"]) == 1
        return entry["entryLevelRights"][0].decode(), dict(pair.split(":") for pair in entry["attributeLevelRights"][0].decode().split(", "))

    def test_is_announced(self, user):
        assert RIGHTS.encode() in user.read("", ["supportedControl"]).only["supportedControl"]

    def test_of_others_for_administrators(self, root):
        assert self.rights(root, BOSS, b"dn:" + USER.encode()) == (
            "vadn", {"cn": "rsc", "sn": "none", "description": "rscwo", "userPassword": "none"})
        assert self.rights(root, BOSS, b"dn: " + BOSS.encode())[1]["sn"] == "rscwo"
        assert self.rights(root, GHOST, b"dn:" + USER.encode())[0] == "none"
        assert self.rights(root, DOMAIN, b"dn:" + USER.encode(), ["o"]) == ("v", {"o": "rsc"})

    def test_of_anonymous_clients(self, root):
        assert self.rights(root, BOSS, b"dn:") == ("none", {"cn": "none", "sn": "none", "description": "none", "userPassword": "none"})

    def test_other_forms_of_the_value(self, root):
        identity = b"dn:" + USER.encode()
        wanted = self.rights(root, BOSS, identity)
        octets = bytes([4, len(identity)]) + identity
        assert self.rights(root, BOSS, octets) == wanted
        attributes = bytes([0x30, 4, 4, 2]) + b"co"
        more = self.rights(root, BOSS, bytes([0x30, len(octets) + len(attributes)]) + octets + attributes)
        assert more == (wanted[0], {**wanted[1], "co": "rsc"})

    def test_of_oneself(self, user):
        assert self.rights(user, USER, None)[1]["userPassword"] == "rscwo"
        assert self.rights(user, USER, b"dn:" + USER.upper().encode())[1]["sn"] == "none"

    def test_of_all_that_an_entry_has(self, root):
        rights = self.rights(root, BOSS, b"dn:" + USER.encode(), ["*"])[1]
        assert {"cn", "sn", "mail", "entryUUID"} <= set(rights)

    def test_is_not_for_everybody(self, user):
        for other in (BOSS, "uid=nobody," + PEOPLE, ROOT_DN, ""):
            assert self.rights(user, BOSS, b"dn:" + other.encode()) == INSUFFICIENT_ACCESS_RIGHTS, other

    @pytest.mark.parametrize("value", [b"x", b"u:user", b"\x30\x80", b"\x04\x05dn", b"\x30\x03\x04\x01x", b"dn:no name"])
    def test_what_is_malformed(self, root, value):
        assert self.rights(root, BOSS, value) in (PROTOCOL_ERROR, 34)


class TestCommand:
    """`muster access`"""

    def explain(self, server, *arguments, check=True):
        return server.command("access", "--data", server.data, *arguments, check=check)

    def test_rules_in_order(self, server):
        text = self.explain(server, "--as", USER, "--entry", BOSS, "--attribute", "sn").stdout.decode()
        assert "sn: none(=0)" in text and "rule 4 (" in text and "rules:5) to attrs=sn,zimbraMailQuota" in text
        assert "by * none: none(=0), stop" in text and "rule 5" not in text

    def test_all_attributes(self, server):
        text = self.explain(server, "--as", "anonymous", "--entry", BOSS).stdout.decode()
        assert "userPassword: auth(=xd)" in text and "no clause is for this client: none, stop" in text
        assert "entry, " in text or "entry:" in text

    def test_root(self, server):
        text = self.explain(server, "--as", "cn=config", "--entry", "", "--attribute", "children").stdout.decode()
        assert "children: manage" in text and "above all rules" in text

    def test_what_cannot_be(self, server):
        for arguments in (["--as", "uid=nobody", "--entry", BOSS], ["--as", USER, "--entry", "uid=nobody"],
                          ["--as", USER, "--entry", BOSS, "--attribute", "nothing"]):
            run = self.explain(server, *arguments, check=False)
            assert run.returncode == 1 and b"no" in run.stderr
