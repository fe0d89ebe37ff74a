"""Semantics 5.7: what amavis and OpenDKIM ask, on the sample organisation."""
import base64
import re
import shutil
import subprocess

import pytest

from client import Client
from servers import ROOT

pytestmark = pytest.mark.muster
EXAMPLES = ROOT / "docs" / "examples"
SELECTOR = "7763D252-C35E-5960-A33C-E822E2696911"


def configured(path, server, identity):
    return (EXAMPLES / path).read_text().replace("@URL@", server.url).replace("@PASSWORD@", server.passwords[identity])


def escaped(value):
    """RFC 4515 section 3."""
    return re.sub(r"[*()\\\0]", lambda m: "\\%02x" % ord(m[0]), value)


class Amavis:
    """amavis' look-up (its module Lookup::LDAP): the filter's `(attribute=%m)` become alternatives of all keys of an address."""

    def __init__(self, server):
        setting = dict(re.findall(r"^\s*(\w+)\s*=>\s*'(.*)',$", configured("amavis/50-user", server, "zmamavis"), re.M))
        self.filter, self.base, self.scope = setting["query_filter"], setting["base"], setting["scope"]
        self.client = Client(setting["hostname"], setting["bind_dn"], setting["bind_password"])

    @staticmethod
    def keys(address):
        """In the order of their weight; a domain is asked for without @."""
        local, domain = address.lower().split("@")
        user = local.split("+")[0]
        keys = [address.lower()] + ([f"{user}@{domain}"] if user != local else []) + [domain]
        labels = domain.split(".")
        return keys + ["." + ".".join(labels[i:]) for i in range(len(labels))] + ["."]

    def entries(self, address):
        keys = self.keys(address)
        condition = re.sub(r"\((\w+)=%m\)", lambda m: "(|" + "".join(f"({m[1]}={escaped(k)})" for k in keys) + ")", self.filter)
        result = self.client.search(self.base, self.scope, condition)
        assert result.code == 0, result
        return result.entries

    def policy(self, address, attribute):
        """The value of the best entry that has one: an account's before its domain's."""
        found = {}
        for _, attributes in self.entries(address):
            kind = "domain" if "zimbraDomainName" in attributes else "account"
            if attribute in attributes:
                found[kind] = attributes[attribute][0].decode()
        return found.get("account", found.get("domain"))

    def is_local(self, address):
        return bool(self.entries(address))


@pytest.fixture(scope="module")
def amavis(sample):
    amavis = Amavis(sample)
    yield amavis
    amavis.client.close()


@pytest.mark.parametrize("address, names", [
    pytest.param("anna.koch@workshop.example", {"uid=anna.koch,ou=people,dc=workshop,dc=example", "dc=workshop,dc=example"}, id="account"),
    pytest.param("Anna@Workshop.example", {"uid=anna.koch,ou=people,dc=workshop,dc=example", "dc=workshop,dc=example"}, id="alias"),
    pytest.param("anna+x@workshop.example", {"uid=anna.koch,ou=people,dc=workshop,dc=example", "dc=workshop,dc=example"}, id="extension"),
    pytest.param("anna.weber@workshop.example", {"dc=workshop,dc=example"}, id="former_address"),
    pytest.param("lathe@workshop.example", {"uid=lathe,ou=people,dc=workshop,dc=example", "dc=workshop,dc=example"}, id="resource"),
    pytest.param("office@workshop.example", {"dc=workshop,dc=example"}, id="list"),
    pytest.param("crew@workshop.example", {"dc=workshop,dc=example"}, id="dynamic_list"),
    pytest.param("klaus.ende@workshop.example", {"dc=workshop,dc=example"}, id="closed_account"),
    pytest.param("paula.sommer@workshop.example", {"dc=workshop,dc=example"}, id="account_that_takes_no_mail"),
    pytest.param("nobody@workshop.example", {"dc=workshop,dc=example"}, id="unknown"),
    pytest.param("nobody@example.net", {"dc=example,dc=net"}, id="alias_domain"),
    pytest.param("other@plant.example", {"dc=plant,dc=example"}, id="split_domain"),
    pytest.param("nobody@events.example", {"dc=events,dc=example"}, id="catch_all"),
    pytest.param("nobody@former.example", set(), id="closed_domain"),
    pytest.param("reader@elsewhere.example", set(), id="not_ours"),
    pytest.param("reader@mail.workshop.example", set(), id="not_the_domain_above"),
    pytest.param("a*@example.co*", set(), id="asterisk"),
])
def test_rule5_7_1_entries(amavis, address, names):
    assert {dn for dn, _ in amavis.entries(address)} == names


def test_rule5_7_1_policies(amavis):
    assert amavis.policy("anna@workshop.example", "amavisSpamLover") == "TRUE"
    assert amavis.policy("felix.brandt@workshop.example", "amavisSpamLover") is None
    assert amavis.policy("anna@workshop.example", "amavisSpamKillLevel") == "12.5"
    assert amavis.policy("nobody@workshop.example", "amavisSpamKillLevel") == "12.5"
    assert amavis.policy("ada@example.com", "amavisSpamKillLevel") is None


@pytest.mark.parametrize("address, local", [("ada@example.com", True), ("x@example.net", True), ("x@former.example", False), ("x@partner.example", False)])
def test_rule5_7_1_local_domains(amavis, address, local):
    assert amavis.is_local(address) is local


class OpenDKIM:
    """OpenDKIM itself, in its query test mode, with the tables of the example."""

    def __init__(self, folder, server):
        self.file = folder / "opendkim.conf"
        text = configured("opendkim/opendkim.conf", server, "zmpostfix")
        self.file.write_text(text)
        self.table = dict(re.findall(r"^(SigningTable|KeyTable)\s+(\S+)$", text, re.M))

    def query(self, table, key, fields):
        """The fields of the record that a table has for a key; None: no record."""
        run = subprocess.run([PROGRAM, "-Q", "-x", self.file], input=f"{self.table[table]}\n{key}/{fields}\n\n", capture_output=True,
                             text=True, timeout=30)
        if "record not found" in run.stdout + run.stderr:
            return None
        assert not run.stderr.strip(), run.stderr
        return re.findall(r"'([^']*)'", run.stdout)


PROGRAM = shutil.which("opendkim", path="/usr/sbin:/usr/bin")


@pytest.fixture(scope="module")
def opendkim(sample, tmp_path_factory):
    return OpenDKIM(tmp_path_factory.mktemp("opendkim"), sample)


needs_opendkim = pytest.mark.skipif(PROGRAM is None, reason="needs opendkim")


@needs_opendkim
def test_rule5_7_2_signing_table(opendkim):
    assert opendkim.query("SigningTable", "example.com", 1) == [SELECTOR]


@needs_opendkim
@pytest.mark.parametrize("domain", ["example.org", "example.net", "elsewhere.example", "example*", "Example.com"])
def test_rule5_7_2_domains_without_a_key(opendkim, domain):
    """DKIMIdentity is compared exactly."""
    assert opendkim.query("SigningTable", domain, 1) is None


@needs_opendkim
def test_rule5_7_2_key_table(opendkim):
    domain, selector, key = opendkim.query("KeyTable", SELECTOR, 3)
    assert (domain, selector) == ("example.com", SELECTOR) and key.startswith("-----BEGIN RSA PRIVATE KEY-----\nMII")
    assert opendkim.query("KeyTable", SELECTOR.lower(), 3) is None


def test_rule5_7_2_selector_is_unique(sample, root_of_sample):
    result = root_of_sample.modify("dc=workshop,dc=example", ("add", "objectClass", "DKIM"), ("add", "DKIMSelector", SELECTOR),
                                   ("add", "DKIMKey", "key"), ("add", "DKIMPublicKey", "key"))
    assert result.code == 19, result


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_rule5_7_2_the_key_is_one(root_of_sample, tmp_path):
    """The private key fits the record that goes into the name service."""
    entry = root_of_sample.read("dc=example,dc=com", ["DKIMKey", "DKIMPublicKey"]).only
    run = subprocess.run(["openssl", "rsa", "-check", "-pubout", "-outform", "DER"], input=entry["DKIMKey"][0], capture_output=True, timeout=30)
    assert run.returncode == 0 and b"RSA key ok" in run.stdout + run.stderr, run.stderr
    public = base64.b64decode(re.search(rb"p=([^\"]+)", entry["DKIMPublicKey"][0])[1])
    assert public in run.stdout
