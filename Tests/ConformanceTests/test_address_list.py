"""The address list (docs/address-list.md) of the sample organisation, with the clients that people use: numbers are rules of the semantics."""
import os
import subprocess

import pytest

from client import Client
from servers import ROOT, ROOT_DN, ROOT_PASSWORD, Muster, Slapd

pytestmark = pytest.mark.muster

DOMAIN = "dc=example,dc=com"
GAL = "cn=gal," + DOMAIN
ADA = "uid=ada.lovelace,ou=people," + DOMAIN
PASSWORD = "muster-sample"
SAMPLE = [ROOT / "ldif" / "carbonio.ldif", ROOT / "ldif" / "sample.ldif"]
# What Thunderbird asks for (mailnews.addressbook: the attribute map of its LDAP directories).
THUNDERBIRD = ["cn", "displayName", "givenName", "sn", "mail", "o", "ou", "title", "telephoneNumber", "mobile", "homePhone",
               "facsimileTelephoneNumber", "pager", "street", "l", "st", "postalCode", "co", "description", "objectClass"]


def thunderbird_filter(key):
    return "(|(mail=*{0}*)(cn=*{0}*)(givenName=*{0}*)(sn=*{0}*))".format(key)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    server = Muster(tmp_path_factory.mktemp("sample"))
    server.load(*SAMPLE)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ada(sample):
    with Client(sample.url, ADA, PASSWORD) as client:
        yield client


@pytest.fixture(scope="module")
def manager(sample):
    with Client(sample.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


def ldapsearch(sample, *arguments, base=GAL):
    run = subprocess.run(["ldapsearch", "-x", "-H", sample.url, "-D", ADA, "-w", PASSWORD, "-LLL", "-o", "ldif-wrap=no", "-b", base, *arguments],
                         capture_output=True, text=True, timeout=60)
    return run.returncode, [line for line in run.stdout.splitlines() if line and not line.startswith("#")], run.stderr


def mails(result):
    return {attributes["mail"][0].decode() for _, attributes in result.entries if "mail" in attributes}


def test_thunderbird(sample):
    """Its sequence: the base is looked at, then each key is asked for as it is typed, with size limit 100."""
    code, lines, _ = ldapsearch(sample, "-s", "base", "(objectClass=*)", "cn")
    assert (code, lines) == (0, ["dn: " + GAL, "cn: gal"])
    found = []
    for key in ["l", "lo", "lov", "love"]:
        code, lines, _ = ldapsearch(sample, "-z", "100", thunderbird_filter(key), *THUNDERBIRD)
        assert code == 0
        found.append(sum(line.startswith("dn: ") for line in lines))
    assert found == sorted(found, reverse=True)
    assert "dn: mail=ada.lovelace@example.com," + GAL in lines
    assert {"cn: Ada Lovelace", "mail: ada.lovelace@example.com", "mail: ada@example.com", "o: Example Ltd",
            "telephoneNumber: +44 20 5550 1000", "objectClass: inetOrgPerson"} <= set(lines)
    assert not any(line.lower().startswith(("userpassword", "zimbramailhost")) for line in lines)
    code, lines, _ = ldapsearch(sample, "-z", "3", thunderbird_filter("a"), "cn")
    assert code == 4 and sum(line.startswith("dn: ") for line in lines) == 3
    # "Download now": everything, in pages.
    code, lines, _ = ldapsearch(sample, "-E", "pr=10/noprompt", "(objectclass=*)", "mail")
    assert code == 0 and sum(line.startswith("dn: mail=") for line in lines) > 30


def test_accounts_of_any_script(ada):
    for key, address in [("strauß", "kaethe.strauss@example.com"), ("Bjørn", "bjorn.aasen@example.com"), ("田中", "taro.tanaka@example.com")]:
        assert address in mails(ada.search(GAL, "sub", thunderbird_filter(key), ["mail"])), key
        assert address in mails(ada.search(GAL, "sub", f"(anr={key})", ["mail"])), key


def perl_client(tmp_path, sample, monkeypatch):
    host, port = sample.address
    home = tmp_path / "home"
    (home / ".lbdb").mkdir(parents=True)
    entry = f"""%ldap_server_db = ('muster' => ['{host}:{port}', '{GAL}', 'givenname sn cn mail', 'givenname sn cn mail o',
        '${{mail}}', '${{cn}}', '${{o}}', 1, '{ADA}', '{PASSWORD}']);\n1;\n"""
    (home / ".lbdb" / "ldap.rc").write_text(entry)
    (home / ".mutt_ldap_query.rc").write_text(entry)
    (home / ".lbdb" / "lbdbrc").write_text('METHODS="m_ldap"\nLDAP_NICKS="muster"\n')
    return dict(os.environ, HOME=str(home))


@pytest.mark.parametrize("key, address, name", [("lovelace", "ada.lovelace@example.com", "Ada Lovelace"),
                                                ("management@", "management@example.com", "Management")])
def test_lbdb_and_mutt(tmp_path, sample, monkeypatch, key, address, name):
    """lbdb's module m_ldap, and mutt's query_command without lbdb."""
    environment = perl_client(tmp_path, sample, monkeypatch)
    run = subprocess.run(["lbdbq", key], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    lines = [line.split("\t") for line in run.stdout.splitlines()[1:]]
    assert [address, name] in [line[:2] for line in lines], run.stdout
    run = subprocess.run(["mutt_ldap_query", "--nickname=muster", key], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert address in run.stdout and name in run.stdout


def test_rule_6_3_1_hidden_entries(ada):
    for query in ["(galSearch=.)", "(anr=szabó)", "(objectClass=*)", "(galSync=*)"]:
        found = mails(ada.search(GAL, "one", query, ["mail"]))
        assert "reka.szabo@example.com" not in found and "galsync.81907c@example.com" not in found


def test_rule_6_2_queries(ada):
    assert mails(ada.search(GAL, "one", "(anr=lov)", ["mail"])) == {"ada.lovelace@example.com"}
    assert "room-thames@example.com" in mails(ada.search(GAL, "one", "(galSearchResource=room)", ["mail"]))
    assert "management@example.com" in mails(ada.search(GAL, "one", "(galAutoCompleteGroup=man)", ["mail"]))
    assert mails(ada.search(GAL, "one", "(galSearch=love ada)", ["mail"])) == {"ada.lovelace@example.com"}


def test_rule_6_7_members(ada):
    name = "mail=taro.tanaka@example.com," + GAL
    management = ada.read("mail=management@example.com," + GAL, ["member"]).only
    assert name.encode() in management["member"]
    assert "management@example.com" in mails(ada.search(GAL, "one", f"(member={name})", ["mail"]))


def test_nothing_is_written(manager):
    result = manager.modify("mail=ada.lovelace@example.com," + GAL, ("replace", "sn", "Byron"))
    assert result.code == 53 and "made of other entries" in result.message
    assert manager.delete(GAL).code == 53


def test_pitfall_41_checks(manager):
    result = manager.modify("cn=config,cn=zimbra", ("add", "zimbraGalLdapFilterDef", "broken:(cn=*%s*"))
    assert result.code == 19 and "broken" in result.message


def test_names_can_be_changed(tmp_path):
    server = Muster(tmp_path / "named", environment={"MUSTER_MAIL_GAL_NAME": "ou=addressbook"})
    server.load(*SAMPLE)
    server.start()
    try:
        with Client(server.url, ADA, PASSWORD) as client:
            assert client.search("ou=addressbook," + DOMAIN, "one", "(anr=lov)").names == {"mail=ada.lovelace@example.com,ou=addressbook," + DOMAIN}
            assert client.read(GAL).code == 32
    finally:
        server.stop()


def external(manager, url, mode, **more):
    changes = {"zimbraGalMode": mode, "zimbraGalLdapURL": url, "zimbraGalLdapFilter": "(|(cn=*%s*)(sn=*%s*)(mail=*%s*))",
               "zimbraGalLdapSearchBase": "dc=example,dc=org", "zimbraGalLdapBindDn": ROOT_DN, "zimbraGalLdapBindPassword": ROOT_PASSWORD, **more}
    result = manager.modify(DOMAIN, *[("replace", name, value) for name, value in changes.items()])
    assert result.code == 0, result


@pytest.mark.parametrize("other", [Slapd, Muster])
def test_rule_6_9_external_list(tmp_path, sample, manager, ada, other):
    """slapd, and Muster itself, as the other server."""
    server = other(tmp_path / "other", **({"rules": "none"} if other is Slapd else {}))
    server.load(*SAMPLE)
    server.start()
    try:
        external(manager, server.url, "both")
        found = ada.search(GAL, "one", "(|(anr=lov)(anr=elen))", ["mail"])
        assert found.code == 0 and mails(found) == {"ada.lovelace@example.com", "eleni.georgiou@example.org"}, found
        found = ada.search(GAL, "one", thunderbird_filter("eleni"), THUNDERBIRD, size_limit=100)
        assert mails(found) == {"eleni.georgiou@example.org"}, found
        external(manager, server.url, "ldap")
        assert mails(ada.search(GAL, "one", "(galSearch=lovelace)", ["mail"])) == set()
        found = ada.search(GAL, "one", "(galSync=20000101000000Z)", ["mail"])
        assert len(found.entries) > 4 and all(m.endswith("@example.org") for m in mails(found)), found
    finally:
        server.stop()
    # It is gone: the own part, and a word of why.
    external(manager, server.url, "both")
    code, lines, _ = ldapsearch(sample, "(anr=lov)", "mail")
    assert code == 0 and "mail: ada.lovelace@example.com" in lines
    run = subprocess.run(["ldapsearch", "-x", "-H", sample.url, "-D", ADA, "-w", PASSWORD, "-b", GAL, "(anr=lov)", "mail"],
                         capture_output=True, text=True, timeout=60)
    assert "could not be asked" in run.stdout, run.stdout
    assert manager.modify(DOMAIN, ("replace", "zimbraGalMode", "zimbra")).code == 0
