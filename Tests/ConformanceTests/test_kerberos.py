"""Passwords that a Kerberos server knows (semantics 4.1, 4.2.4): MIT's krb5kdc beside, with a realm of its own."""
import os
import socket
import subprocess
import threading
import time

import pytest

from client import INVALID_CREDENTIALS, SUCCESS, Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster, free_port

pytestmark = pytest.mark.muster
COM = "dc=example,dc=com"
BJORN = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
BUSINESS = "cn=business,cn=cos,cn=zimbra"
UNAVAILABLE = 52
SETTINGS = ["zimbraAuthMech", "zimbraAuthKerberos5Realm", "zimbraAuthFallbackToLocal"]


def silent_port():
    """Sockets for datagrams and for connections on one port that never answer: what is free for one may be taken for the other."""
    for attempt in range(100):
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()]
        try:
            pair[0].bind(("127.0.0.1", 0))
            pair[1].bind(pair[0].getsockname())
            pair[1].listen(100)
            return pair
        except OSError:
            for one in pair:
                one.close()
    raise AssertionError("no port is free for datagrams and for connections")


class KDC:
    """A realm with a few principals; and a second realm, where nobody ever answers."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self.silent = silent_port()
        (folder / "krb5.conf").write_text(f"""
[libdefaults]
 default_realm = EXAMPLE.COM
 dns_lookup_kdc = false
 dns_lookup_realm = false
[realms]
 EXAMPLE.COM = {{
  kdc = 127.0.0.1:{self.port}
 }}
 SILENT.EXAMPLE = {{
  kdc = 127.0.0.1:{self.silent[0].getsockname()[1]}
 }}
""")
        (folder / "kdc.conf").write_text(f"""
[kdcdefaults]
 kdc_listen = 127.0.0.1:{self.port}
 kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
 EXAMPLE.COM = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
 }}
[logging]
 kdc = FILE:{folder}/kdc.log
""")
        self.environment = dict(os.environ, KRB5_CONFIG=str(folder / "krb5.conf"), KRB5_KDC_PROFILE=str(folder / "kdc.conf"),
                                PATH=os.environ["PATH"] + ":/usr/sbin")
        self.run("kdb5_util", "create", "-r", "EXAMPLE.COM", "-s", "-P", "master key")
        for query in ("addprinc -pw krb-secret +requires_preauth bjorn.aasen", "addprinc -pw other-secret -requires_preauth elsewhere",
                      "addprinc -pw admin-secret root/admin", "addprinc -pw old-secret -pwexpire yesterday late"):
            self.run("kadmin.local", "-r", "EXAMPLE.COM", "-q", query)
        self.process = None

    def run(self, *command):
        subprocess.run(command, env=self.environment, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)

    def start(self):
        self.process = subprocess.Popen(["krb5kdc", "-n", "-r", "EXAMPLE.COM"], env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise AssertionError("krb5kdc does not listen")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="module")
def kdc(tmp_path_factory):
    kdc = KDC(tmp_path_factory.mktemp("kerberos") / "kdc").start()
    yield kdc
    kdc.stop()
    for one in kdc.silent:
        one.close()


@pytest.fixture(scope="module")
def mail(tmp_path_factory, kdc):
    server = Muster(tmp_path_factory.mktemp("mail"), ["--sample"],
                    {"KRB5_CONFIG": str(kdc.folder / "krb5.conf"), "KRB5_KTNAME": str(kdc.folder / "no.keytab")}).start()
    yield server
    server.stop()


@pytest.fixture
def root(mail):
    with Client(mail.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.modify(BJORN, ("replace", "userPassword", "here-secret"), ("replace", "zimbraAccountStatus", "active")).code == SUCCESS
        yield client
        client.modify(BJORN, ("replace", "zimbraForeignPrincipal", None), ("replace", "zimbraAccountStatus", "active"))
        assert client.modify(COM, *[("replace", name, None) for name in SETTINGS]).code == SUCCESS


def configure(root, **settings):
    result = root.modify(COM, *[("replace", name, value) for name, value in settings.items()])
    assert result.code == SUCCESS, result


def bind(mail, password, name="bjorn.aasen@example.com"):
    with Client(mail.url, timeout=90) as client:
        return client.bind(name, password).code


@pytest.mark.parametrize("name", ["bjorn.aasen@example.com", BJORN])
def test_4_2_4_the_name_in_the_realm_of_the_domain(mail, root, name):
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="EXAMPLE.COM", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "krb-secret", name) == SUCCESS
    assert bind(mail, "wrong", name) == INVALID_CREDENTIALS
    assert bind(mail, "here-secret", name) == INVALID_CREDENTIALS


@pytest.mark.parametrize("principals", [["kerberos5:elsewhere@EXAMPLE.COM"], ["other:bjorn.aasen@EXAMPLE.COM", "kerberos5:elsewhere@EXAMPLE.COM"]])
def test_4_2_4_an_account_has_a_principal_of_its_own(mail, root, principals):
    """Whose key is not proved by preauthentication: the answer itself tells."""
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthFallbackToLocal="FALSE")
    assert root.modify(BJORN, ("replace", "zimbraForeignPrincipal", principals)).code == SUCCESS
    assert bind(mail, "other-secret") == SUCCESS
    assert bind(mail, "krb-secret") == INVALID_CREDENTIALS


def test_4_2_4_without_a_realm_nobody_can_be_asked(mail, root):
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthFallbackToLocal="FALSE")
    assert bind(mail, "krb-secret") == UNAVAILABLE
    assert b"zimbraAuthKerberos5Realm is not set" in mail.log.read_bytes()


def test_4_1_4_the_password_here_counts_too(mail, root):
    """By default."""
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="EXAMPLE.COM")
    assert bind(mail, "krb-secret") == SUCCESS
    assert bind(mail, "here-secret") == SUCCESS
    assert bind(mail, "wrong") == INVALID_CREDENTIALS


@pytest.mark.parametrize("principal, password", [("nobody", "krb-secret"), ("late", "old-secret")])
def test_who_is_not_there_or_must_choose_another_password_does_not_get_in(mail, root, principal, password):
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthFallbackToLocal="FALSE")
    assert root.modify(BJORN, ("replace", "zimbraForeignPrincipal", f"kerberos5:{principal}@EXAMPLE.COM")).code == SUCCESS
    assert bind(mail, password) == INVALID_CREDENTIALS


def test_names_cannot_change_who_is_asked_for(mail, root):
    """Pitfall 32: a slash in an address does not make it `root/admin`."""
    strange = "uid=strange,ou=people," + COM
    assert root.add(strange, {"objectClass": ["inetOrgPerson", "zimbraAccount"], "uid": "strange", "cn": "s", "sn": "s", "zimbraId": "strange-id",
                              "zimbraAccountStatus": "active", "zimbraMailDeliveryAddress": "root/admin@example.com"}).code == SUCCESS
    try:
        configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="EXAMPLE.COM", zimbraAuthFallbackToLocal="FALSE")
        assert bind(mail, "admin-secret", strange) == INVALID_CREDENTIALS
        assert root.modify(strange, ("replace", "zimbraForeignPrincipal", "kerberos5:root/admin@EXAMPLE.COM")).code == SUCCESS
        assert bind(mail, "admin-secret", strange) == SUCCESS
    finally:
        root.delete(strange)


def test_wrong_passwords_are_counted_and_statuses_hold(mail, root):
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="EXAMPLE.COM", zimbraAuthFallbackToLocal="FALSE")
    root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "TRUE"), ("replace", "zimbraPasswordLockoutMaxFailures", "2"))
    try:
        assert bind(mail, "wrong1") == bind(mail, "wrong2") == INVALID_CREDENTIALS
        assert bind(mail, "krb-secret") == INVALID_CREDENTIALS, "locked"
        root.modify(BJORN, ("replace", "zimbraAccountStatus", "maintenance"))
        assert bind(mail, "krb-secret") == UNAVAILABLE
    finally:
        root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "FALSE"), ("replace", "zimbraPasswordLockoutMaxFailures", None))


def test_a_server_that_is_gone(mail, root, kdc):
    """Nobody is locked out for it, and who has a password here gets in by that."""
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="EXAMPLE.COM", zimbraAuthFallbackToLocal="FALSE")
    root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "TRUE"), ("replace", "zimbraPasswordLockoutMaxFailures", "2"))
    kdc.stop()
    try:
        for _ in range(4):
            assert bind(mail, "krb-secret") == UNAVAILABLE
        configure(root, zimbraAuthFallbackToLocal="TRUE")
        assert bind(mail, "here-secret") == SUCCESS
        kdc.start()
        configure(root, zimbraAuthFallbackToLocal="FALSE")
        until = time.monotonic() + 40
        while (code := bind(mail, "krb-secret")) == UNAVAILABLE and time.monotonic() < until:
            time.sleep(0.5)
        assert code == SUCCESS, "asked again after a while"
    finally:
        if not kdc.process:
            kdc.start()
        root.modify(BUSINESS, ("replace", "zimbraPasswordLockoutEnabled", "FALSE"), ("replace", "zimbraPasswordLockoutMaxFailures", None))


def test_a_server_that_is_silent_holds_nobody_else_up(mail, root):
    """A dozen clients wait for a realm that does not answer; others bind and search meanwhile."""
    configure(root, zimbraAuthMech="kerberos5", zimbraAuthKerberos5Realm="SILENT.EXAMPLE", zimbraAuthFallbackToLocal="FALSE")
    codes = []
    waiting = [threading.Thread(target=lambda: codes.append(bind(mail, "krb-secret"))) for _ in range(12)]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    with Client(mail.url, "uid=eleni.georgiou,ou=people,dc=example,dc=org", "muster-sample") as other:
        pass
    with Client(mail.url, ROOT_DN, ROOT_PASSWORD) as other:
        assert len(other.search(COM, "sub", "(uid=olga.ivanova)", ["cn"]).entries) == 1
    assert time.monotonic() - began < 3
    for thread in waiting:
        thread.join(100)
    assert codes == [UNAVAILABLE] * 12 and time.monotonic() - began < 60
    began = time.monotonic()
    assert bind(mail, "krb-secret") == UNAVAILABLE
    assert time.monotonic() - began < 2, "it is left alone for a while"
