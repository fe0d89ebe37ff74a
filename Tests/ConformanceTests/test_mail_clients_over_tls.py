"""Dovecot and Postfix themselves over StartTLS and ldaps: logins by binding (auth_bind), look-ups by a service identity."""
import shutil
import subprocess
import time

import pytest

from certificates import Authority
from client import SUCCESS, Client
from postfix import POSTMAP
from servers import ROOT_DN, ROOT_PASSWORD
from test_rfc4513_3_tls import Secured

pytestmark = pytest.mark.muster
DOVECOT, DOVEADM = (shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") for program in ("dovecot", "doveadm"))
BJORN = "uid=bjorn.aasen,ou=people,dc=example,dc=com"
POSTFIX = "uid=zmpostfix,cn=appaccts,cn=zimbra"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Passwords are taken over TLS only."""
    folder = tmp_path_factory.mktemp("clients")
    server = Secured(folder / "server", Authority(folder / "authority"), environment={"MUSTER_CONFIDENTIALITY_REQUIRED": "true"}).start()
    with Client(server.socket_url, ROOT_DN, ROOT_PASSWORD) as root:
        for dn, password in ((BJORN, "Correct-horse1"), (POSTFIX, "postfix secret")):
            assert root.password(dn, None, password).code == SUCCESS
    yield server
    server.stop()


class Dovecot:
    """Its authentication alone."""

    def __init__(self, folder, ldap):
        folder.mkdir()
        self.folder, self.configuration = folder, folder / "dovecot.conf"
        (folder / "ldap.conf").write_text(ldap)
        self.configuration.write_text(f"""
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols =
ssl = no
auth_cache_size = 0
passdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  user = root
}}
service stats {{
  user = root
}}
""")
        (folder / "run").mkdir()
        self.process = subprocess.Popen([DOVECOT, "-F", "-c", self.configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if (folder / "run" / "auth-client").exists():
                return
            time.sleep(0.1)
        self.stop()
        raise AssertionError("dovecot did not start: " + self.log)

    @property
    def log(self):
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def knows(self, user, password):
        run = subprocess.run([DOVEADM, "-c", self.configuration, "auth", "test", "-a", self.folder / "run" / "auth-client", user, password],
                             capture_output=True, text=True, timeout=30)
        assert run.returncode in (0, 77), f"{run.stdout}{run.stderr}{self.log}"
        return run.returncode == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def dovecot(tmp_path):
    started = []

    def start(**settings):
        ldap = "".join(f"{name} = {value}\n" for name, value in settings.items())
        started.append(Dovecot(tmp_path / f"dovecot{len(started)}", ldap))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("how", ["StartTLS", "ldaps"])
@pytest.mark.parametrize("name", ["search", "address", "dn"])
def test_dovecot_auth_bind(secured, dovecot, how, name):
    """It looks the account up as a service and binds as it; or binds with the mail address, or with a DN made of its parts."""
    settings = dict(uris=secured.url if how == "StartTLS" else secured.tls_url, tls="yes" if how == "StartTLS" else "no", ldap_version=3, tls_require_cert="hard",
                    tls_ca_cert_file=secured.authority.certificate, auth_bind="yes", base="", scope="subtree",
                    pass_filter="(&(objectClass=zimbraAccount)(zimbraMailDeliveryAddress=%u))", pass_attrs="uid=user")
    if name == "search":
        settings.update(dn=POSTFIX, dnpass="postfix secret")
    else:
        settings.update(auth_bind_userdn="%u" if name == "address" else "uid=%n,ou=people,dc=example,dc=com")
    server = dovecot(**settings)
    assert server.knows("bjorn.aasen@example.com", "Correct-horse1"), server.log
    assert not server.knows("bjorn.aasen@example.com", "wrong")
    assert not server.knows("nobody@example.com", "Correct-horse1")
    assert server.knows("bjorn.aasen@example.com", "Correct-horse1"), "the connection is used again after a failure"


def test_dovecot_in_clear_is_refused(secured, dovecot):
    server = dovecot(uris=secured.url, tls="no", ldap_version=3, auth_bind="yes", auth_bind_userdn="%u", base="")
    run = subprocess.run([DOVEADM, "-c", server.configuration, "auth", "test", "-a", server.folder / "run" / "auth-client", "bjorn.aasen@example.com",
                          "Correct-horse1"], capture_output=True, text=True, timeout=30)
    assert run.returncode != 0


@pytest.mark.parametrize("how", ["StartTLS", "ldaps"])
def test_postfix(secured, tmp_path, how):
    """`start_tls = yes`, as docs/mail-server.md has it, with the certificate verified."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mx.example.com\n")
    (tmp_path / "transport.cf").write_text(f"""server_host = {secured.url if how == "StartTLS" else secured.tls_url}
start_tls = {"yes" if how == "StartTLS" else "no"}
tls_require_cert = yes
tls_ca_cert_file = {secured.authority.certificate}
version = 3
bind = yes
bind_dn = {POSTFIX}
bind_pw = postfix secret
search_base =
query_filter = (&(zimbraMailDeliveryAddress=%s)(zimbraMailStatus=enabled))
result_attribute = zimbraMailDeliveryAddress
""")
    run = subprocess.run([POSTMAP, "-c", tmp_path, "-q", "bjorn.aasen@example.com", f"ldap:{tmp_path}/transport.cf"], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "bjorn.aasen@example.com", run.stderr
