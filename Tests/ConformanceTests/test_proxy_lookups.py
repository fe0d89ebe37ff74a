"""Semantics 5.5 and 5.6: what the proxy asks to find a user's mail host, and which domains and certificates it serves."""
import ipaddress
import re
import subprocess

import pytest

from certificates import Authority
from client import Client
from servers import ROOT

pytestmark = pytest.mark.muster
CONFIG = "cn=config,cn=zimbra"
HOST = "mail.example.com"


def escaped(value):
    """RFC 4515 section 3."""
    return re.sub(r"[*()\\\0]", lambda m: "\\%02x" % ord(m[0]), value)


class Proxy:
    """The route look-up (5.5), with the templates that the directory has for it."""

    def __init__(self, server):
        self.client = Client(server.url, "uid=zmnginx,cn=appaccts,cn=zimbra", server.passwords["zmnginx"])
        self.settings = self.attributes(self.client.read(CONFIG).only)

    @staticmethod
    def attributes(entry):
        return {name: values[0].decode() for name, values in entry.items()}

    def setting(self, name):
        return self.settings.get("zimbraReverseProxy" + name)

    def find(self, kind, variable, value, *attributes):
        """The one entry that a template finds (5.5.3), or None."""
        condition = self.setting(kind + "Query").replace("${%s}" % variable, escaped(value))
        result = self.client.search(self.setting(kind + "SearchBase") or "", "sub", condition, list(attributes), size_limit=1)
        assert result.code in (0, 4), result
        return self.attributes(result.entries[0][1]) if result.entries else None

    def domain(self, name):
        result = self.client.search("", "sub", f"(&(zimbraDomainName={escaped(name)})(objectClass=zimbraDomain))", [
            "zimbraDomainName", "zimbraDomainType", "zimbraDomainAliasTargetId", "zimbraDomainAllowedIPs", "zimbraReverseProxyUseExternalRoute",
            "zimbraReverseProxyUseExternalRouteIfAccountNotExist", "zimbraExternalImapHostname", "zimbraExternalImapPort"])
        return result.entries[0][1] if result.entries else None

    def qualified(self, user, server_address=None):
        """5.5.1."""
        if "@" in user:
            return user
        found = server_address and self.find("DomainName", "IPADDR", server_address, self.setting("DomainNameAttribute"))
        domain = found[self.setting("DomainNameAttribute")] if found else self.settings.get("zimbraDefaultDomainName")
        return f"{user}@{domain}" if domain else user

    @staticmethod
    def external(entry):
        host, port = entry.get("zimbraExternalImapHostname"), entry.get("zimbraExternalImapPort")
        return f"{host}:{port}" if host and port else None

    def port(self, host, protocol):
        """5.5: of the server, else of global config."""
        name = self.setting(protocol + "PortAttribute")
        found = self.find("Port", "MAILHOST", host, name)
        return (found or {}).get(name) or self.settings.get(name)

    def route(self, user, server_address=None, client_address="198.51.100.7"):
        """host:port for IMAP; None: nobody; "refused"."""
        user = self.qualified(user, server_address)
        domain_entry = self.domain(user.split("@")[1]) if "@" in user else None
        allowed = [v.decode() for v in (domain_entry or {}).get("zimbraDomainAllowedIPs", [])]
        if allowed and not any(ipaddress.ip_address(client_address) in ipaddress.ip_network(a, strict=False) for a in allowed):
            return "refused"                                                                                                # 5.5.2
        domain = self.attributes(domain_entry) if domain_entry else {}
        names = ["zimbraMailHost", "zimbraReverseProxyUseExternalRoute", "zimbraExternalImapHostname", "zimbraExternalImapPort"]
        found = self.find("MailHost", "USER", user, *names)
        if not found and domain.get("zimbraDomainType") == "alias":                                                        # 5.5.4
            target = self.client.search("", "sub", f"(zimbraId={domain['zimbraDomainAliasTargetId']})", ["zimbraDomainName"]).only
            found = self.find("MailHost", "USER", f"{user.split('@')[0]}@{target['zimbraDomainName'][0].decode()}", *names)
        if not found:
            if domain.get("zimbraReverseProxyUseExternalRouteIfAccountNotExist") == "TRUE":
                return self.external(domain)
            return None
        outside = found.get("zimbraReverseProxyUseExternalRoute") or domain.get("zimbraReverseProxyUseExternalRoute")       # 5.5.5
        if outside == "TRUE" and (self.external(found) or self.external(domain)):
            return self.external(found) or self.external(domain)
        host = found.get(self.setting("MailHostAttribute"))
        return f"{host}:{self.port(host, 'Imap')}" if host else None


@pytest.fixture
def proxy(sample):
    proxy = Proxy(sample)
    yield proxy
    proxy.client.close()


def test_rule5_5_templates_are_those_of_the_example(proxy):
    """docs/examples/proxy/look-ups.ldif says what the initial tree says."""
    text = (ROOT / "docs/examples/proxy/look-ups.ldif").read_text()
    stated = dict(re.findall(r"^(zimbraReverseProxy\w+): (.*)$", text, re.M))
    assert len(stated) == 8
    for name, value in stated.items():
        assert proxy.settings[name] == value


def test_rule5_5_the_example_can_be_applied(sample, root_of_sample, tmp_path):
    run = subprocess.run(["ldapmodify", "-x", "-H", sample.url, "-D", "cn=config", "-w", "secret", "-f", ROOT / "docs/examples/proxy/look-ups.ldif"],
                         capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr


HERE = HOST + ":7143"


@pytest.mark.parametrize("user, route", [
    pytest.param("ada.lovelace@example.com", HERE, id="account"),
    pytest.param("Ada@Example.Com", HERE, id="alias"),
    pytest.param("anna.weber@workshop.example", None, id="former_address_is_not_asked_for"),
    pytest.param("old.colleague@example.com", HERE, id="rule5.5.5-closed_account"),
    pytest.param("niccolo.bianchi@example.com", HERE, id="rule5.5.5-locked_account"),
    pytest.param("stefan.tutuianu@example.com", HERE, id="rule5.5.5-account_in_maintenance"),
    pytest.param("paula.sommer@workshop.example", HERE, id="rule5.5.5-account_that_takes_no_mail"),
    pytest.param("last.one@former.example", HERE, id="rule5.5.5-closed_domain"),
    pytest.param("lathe@workshop.example", HERE, id="resource"),
    pytest.param("moved@plant.example", HERE, id="split_domain"),
    pytest.param("other@plant.example", None, id="on_the_other_system"),
    pytest.param("whatever@events.example", None, id="catch_all_is_no_user"),
    pytest.param("hosts@event.example", HERE, id="alias_that_only_an_alias_domain_has"),
    pytest.param("ada@example.net", HERE, id="rule5.5.4-alias_domain"),
    pytest.param("nobody@example.net", None, id="rule5.5.4-unknown_in_an_alias_domain"),
    pytest.param("nobody@example.com", None, id="unknown"),
    pytest.param("nobody@elsewhere.example", None, id="not_ours"),
    pytest.param("ada*@example.com", None, id="rule5.5.3-asterisk"),
    pytest.param("x)(objectClass=*)@example.com", None, id="rule5.5.3-parentheses"),
])
def test_rule5_5_mail_host(proxy, user, route):
    assert proxy.route(user) == route


def test_rule5_5_by_id(proxy, root_of_sample):
    entry = root_of_sample.read("uid=ada.lovelace,ou=people,dc=example,dc=com", ["zimbraId"]).only
    found = proxy.find("MailHost", "USER", entry["zimbraId"][0].decode(), "zimbraMailHost")
    assert found == {"zimbraMailHost": HOST}


@pytest.mark.parametrize("address, route", [("192.0.2.10", HERE), ("192.0.2.11", None), ("192.0.2.12", None), (None, None)])
def test_rule5_5_1_domain_of_the_address(proxy, address, route):
    """Ada is in example.com, whose address ends in 10; example.org has 11."""
    assert proxy.route("ada", address) == route


def test_rule5_5_1_default_domain(proxy, change_sample, sample):
    change_sample(CONFIG, zimbraDefaultDomainName="example.com")
    assert Proxy(sample).route("ada", "192.0.2.12") == HERE


@pytest.mark.parametrize("client, allowed", [("198.51.100.7", True), ("198.51.100.200", False), ("203.0.113.9", True), ("192.0.2.1", False)])
def test_rule5_5_2_allowed_addresses(proxy, change_sample, client, allowed):
    change_sample("dc=example,dc=com", zimbraDomainAllowedIPs=["198.51.100.0/25", "203.0.113.9"])
    assert proxy.route("ada@example.com", client_address=client) == (HERE if allowed else "refused")


def test_rule5_5_3_one_entry_is_enough(proxy):
    result = proxy.client.search("", "sub", "(zimbraMailHost=mail.example.com)", ["zimbraMailHost"], size_limit=1)
    assert result.code == 4 and len(result.entries) == 1


def test_rule5_5_4_account_that_does_not_exist(proxy, change_sample):
    change_sample("dc=plant,dc=example", zimbraReverseProxyUseExternalRouteIfAccountNotExist="TRUE",
           zimbraExternalImapHostname="old.plant.example", zimbraExternalImapPort="143")
    assert proxy.route("other@plant.example") == "old.plant.example:143"
    assert proxy.route("moved@plant.example") == HERE


def test_rule5_5_5_external_route(proxy, change_sample):
    domain, account = "dc=plant,dc=example", "uid=moved,ou=people,dc=plant,dc=example"
    change_sample(domain, zimbraReverseProxyUseExternalRoute="TRUE", zimbraExternalImapHostname="old.plant.example")
    assert proxy.route("moved@plant.example") == HERE                      # incomplete
    change_sample(domain, zimbraExternalImapPort="143")
    assert proxy.route("moved@plant.example") == "old.plant.example:143"
    change_sample(account, zimbraExternalImapHostname="own.plant.example", zimbraExternalImapPort="1143")
    assert proxy.route("moved@plant.example") == "own.plant.example:1143"
    change_sample(account, zimbraReverseProxyUseExternalRoute="FALSE")
    assert proxy.route("moved@plant.example") == HERE


@pytest.mark.parametrize("protocol, port", [("Http", "80"), ("Imap", "7143"), ("Pop3", "7110")])
def test_rule5_5_ports_of_global_config(proxy, protocol, port):
    assert proxy.port(HOST, protocol) == port


def test_rule5_5_port_of_the_server(proxy, change_sample):
    change_sample("cn=mail.example.com,cn=servers,cn=zimbra", zimbraImapBindPort="10143")
    assert proxy.port(HOST, "Imap") == "10143"


# 5.6: what the configuration of the proxy is made from.

USED = ["zimbraDomainName", "zimbraVirtualHostname", "zimbraVirtualIPAddress", "zimbraSSLCertificate", "zimbraSSLPrivateKey",
        "zimbraReverseProxyClientCertMode", "zimbraReverseProxyClientCertCA", "carbonioWebUILoginURL", "carbonioWebUILogoutURL",
        "carbonioAdminUILoginURL", "carbonioAdminUILogoutURL", "carbonioReverseProxyResponseCSPHeader", "zimbraPublicServiceHostname",
        "zimbraPublicServiceProtocol", "zimbraPublicServicePort"]


def domains(client, condition="(objectClass=zimbraDomain)"):
    result = client.search("", "sub", condition, USED)
    assert result.code == 0, result
    return {entry["zimbraDomainName"][0].decode(): entry for _, entry in result.entries}


def test_rule5_6_1_domains(proxy):
    everything = domains(proxy.client)
    assert set(everything) == {"example.com", "example.org", "example.net", "workshop.example", "events.example", "event.example", "plant.example",
                               "former.example"}
    kept = {name: [v.decode() for v in entry["zimbraVirtualHostname"]] for name, entry in everything.items() if "zimbraVirtualHostname" in entry}
    assert kept == {name: ["mail." + name, "webmail." + name] for name in ("example.com", "example.org")}
    assert everything["example.com"]["zimbraPublicServiceHostname"] == [b"mail.example.com"]
    assert everything["example.com"]["zimbraVirtualIPAddress"] == [b"192.0.2.10"]


def test_rule5_6_1_the_same_by_filter(proxy):
    assert set(domains(proxy.client, "(&(objectClass=zimbraDomain)(zimbraVirtualHostname=*))")) == {"example.com", "example.org"}


def test_rule5_6_2_names_of_one_server(proxy):
    assert proxy.settings["zimbraReverseProxySNIEnabled"] == "TRUE"


def test_rule5_6_3_domains_with_certificate(proxy, change_sample, tmp_path):
    eligible = "(&(objectClass=zimbraDomain)(zimbraVirtualHostname=*)(zimbraSSLCertificate=*)(zimbraSSLPrivateKey=*))"
    assert domains(proxy.client, eligible) == {}
    made = Authority(tmp_path).issue("mail.example.org", "webmail.example.org")
    change_sample("dc=example,dc=org", zimbraSSLCertificate=made.pem)
    assert domains(proxy.client, eligible) == {}
    change_sample("dc=example,dc=org", zimbraSSLPrivateKey=made.key_pem)
    change_sample("dc=workshop,dc=example", zimbraSSLCertificate=made.pem, zimbraSSLPrivateKey=made.key_pem)      # no virtual host
    found = domains(proxy.client, eligible)
    assert set(found) == {"example.org"} and found["example.org"]["zimbraSSLCertificate"] == [made.pem.encode()]
