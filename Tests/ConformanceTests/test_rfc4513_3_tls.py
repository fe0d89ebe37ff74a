"""TLS: ldaps, StartTLS (RFC 4511 section 4.14, RFC 4513 section 3), certificates of virtual hosts (semantics 11.2)."""
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import ldap
import pytest

import wire
from certificates import Authority
from client import Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster

pytestmark = pytest.mark.muster

START_TLS = "1.3.6.1.4.1.1466.20037"
ORG, COM = "dc=example,dc=org", "dc=example,dc=com"


class Secured(Muster):
    """A server with a certificate for localhost, on the sample organisation."""

    def __init__(self, folder, authority, arguments=(), environment=None, names=("localhost", "127.0.0.1")):
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = authority
        self.shown = authority.issue(*names)
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.install(self.shown)
        settings = {"MUSTER_TLS_CERTIFICATE": str(self.certificate), "MUSTER_TLS_KEY": str(self.key)}
        super().__init__(folder, ["--sample", "--listen", "ldaps://127.0.0.1:0", *arguments], {**settings, **(environment or {})})

    def install(self, issued):
        for source, target in ((issued.certificate, self.certificate), (issued.key, self.key)):
            new = target.with_suffix(".new")
            new.write_bytes(source.read_bytes())
            new.rename(target)

    @property
    def tls_port(self):
        return int(self.tls_url.rsplit(":", 1)[1].rstrip("/"))

    @property
    def port(self):
        return self.address[1]

    def shows(self, name=None, *arguments):
        """The fingerprint of the certificate that a client gets."""
        out = s_client(self.tls_port, *(["-servername", name] if name else ["-noservername"]), *arguments)
        block = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", out, re.S)
        assert block, out
        read = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=block.group(), capture_output=True,
                              text=True, check=True)
        return read.stdout.strip().split("=")[1]

    def context(self, certificate=None):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context

    def wrapped(self, certificate=None):
        """A connection that speaks LDAP in TLS."""
        return self.context(certificate).wrap_socket(socket.create_connection(("127.0.0.1", self.tls_port), 10), server_hostname="localhost")

    def tool(self, program, *arguments):
        environment = {k: v for k, v in os.environ.items() if k != "LDAPNOINIT"}
        environment.update(LDAPTLS_CACERT=str(self.authority.certificate), LDAPCONF="/dev/null", LDAPTLS_REQCERT="demand")
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)


def s_client(port, *arguments):
    run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, arguments)], capture_output=True, text=True,
                         timeout=30, stdin=subprocess.DEVNULL)
    return run.stdout + run.stderr


def receive(connection):
    """The answers until the server closes or is silent for a moment."""
    connection.settimeout(2)
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except (TimeoutError, socket.timeout):
        return data, False
    except (ConnectionError, ssl.SSLError):
        pass
    return data, True


def ask(connection, *requests):
    """Sends requests at once; one answer for each."""
    for n, request in enumerate(requests, 1):
        connection.sendall(wire.message(n, request))
    data = b""
    connection.settimeout(10)
    while len(found := complete(data)) < len(requests):
        more = connection.recv(65536)
        assert more, "closed"
        data += more
    return found


def complete(data):
    out, at = [], 0
    while at < len(data):
        try:
            _, contents, end = wire.parse(data, at)
        except IndexError:
            break
        out.append(wire.Answer(contents))
        at = end
    return out


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory, authority):
    server = Secured(tmp_path_factory.mktemp("tls"), authority, environment={"MUSTER_LOG_LEVEL": "stats"}).start()
    yield server
    assert server.alive()
    server.stop()


@pytest.fixture(scope="module")
def root(secured):
    with Client(secured.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


@pytest.fixture
def start(tmp_path, authority):
    """Starts further servers."""
    started = []

    def make(**settings):
        server = Secured(tmp_path / f"server{len(started)}", authority, environment=settings).start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


# Clients that people use.


@pytest.mark.parametrize("arguments", [["-ZZ", "-H", "{url}"], ["-H", "{tls_url}"]], ids=["StartTLS", "ldaps"])
def test_ldapsearch(secured, arguments):
    arguments = [a.format(url=secured.url, tls_url=secured.tls_url) for a in arguments]
    run = secured.tool("ldapsearch", "-LLL", "-x", *arguments, "-D", ROOT_DN, "-w", ROOT_PASSWORD, "-b", COM, "-s", "base", "zimbraDomainName")
    assert run.returncode == 0 and "zimbraDomainName: example.com" in run.stdout, run.stderr


def test_python_ldap(secured):
    for url, start_tls in ((secured.tls_url, False), (secured.url, True)):
        connection = ldap.initialize(url)
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(secured.authority.certificate))
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if start_tls:
            connection.start_tls_s()
        connection.simple_bind_s(ROOT_DN, ROOT_PASSWORD)
        assert connection.whoami_s() == "dn:" + ROOT_DN
        # More than fits one record, and than may wait for the client.
        assert len(connection.search_s("", ldap.SCOPE_SUBTREE)) > 50
        connection.unbind_s()


def test_gnutls(secured):
    arguments = ["--x509cafile", str(secured.authority.certificate), "127.0.0.1", "--verify-hostname", "localhost"]
    for port, more in ((secured.tls_port, []), (secured.port, ["--starttls-proto=ldap"])):
        run = secured.tool("gnutls-cli", "-p", str(port), *more, *arguments)
        assert "The certificate is trusted" in run.stdout and "Handshake was completed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("version, cipher", [("-tls1_3", "TLS_AES_256_GCM_SHA384"), ("-tls1_2", "ECDHE-ECDSA-AES256-GCM-SHA384")])
@pytest.mark.parametrize("kind", ["ldaps", "StartTLS"])
def test_openssl(secured, kind, version, cipher):
    arguments = [secured.tls_port] if kind == "ldaps" else [secured.port, "-starttls", "ldap"]
    out = s_client(*arguments, version, "-CAfile", secured.authority.certificate, "-verify_hostname", "localhost")
    assert "Verify return code: 0 (ok)" in out and cipher in out, out


@pytest.mark.parametrize("arguments", [["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"],
                                       ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]], ids=["TLS 1.1", "no forward secrecy", "CBC"])
def test_rfc9325_weak_ones_are_refused(secured, arguments):
    assert "alert" in s_client(secured.tls_port, *arguments)


def test_the_log_shows_what_was_agreed_on(secured):
    s_client(secured.tls_port, "-tls1_2")
    time.sleep(0.5)
    assert "tls_ssf=256 ssf=256 tls_proto=TLSv1.2 tls_cipher=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" in secured.log.read_text()


def test_many_requests_at_once(secured):
    with secured.wrapped() as connection:
        count = 3000
        found = ask(connection, *[wire.compare("cn=config,cn=zimbra", "cn", "config")] * count)
        assert sorted(a.number for a in found) == list(range(1, count + 1))


@pytest.mark.parametrize("how", ["ldaps", "StartTLS"])
def test_a_client_that_reads_with_pauses_gets_every_answer_whole(secured, how):
    """More than the system takes at once: the rest waits in the channel, in order."""
    count = 30
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    plain.connect(("127.0.0.1", secured.tls_port if how == "ldaps" else secured.port))
    with plain:
        if how == "StartTLS":
            assert ask(plain, wire.extended(START_TLS))[0].code == 0
        with secured.context().wrap_socket(plain, server_hostname="localhost") as connection:
            for n in range(1, count + 1):
                connection.sendall(wire.message(n, wire.search("cn=subschema", attributes=["attributeTypes"])))
            connection.settimeout(10)
            data, last = b"", wire.message(count, wire.tlv(0x65, wire.enumerated(0), wire.text(""), wire.text("")))
            pieces = []
            while not data.endswith(last):
                time.sleep(0.2)
                for _ in range(200):
                    pieces.append(connection.recv(1 << 14))
                    assert pieces[-1], "closed"
                    data = data[-64:] + pieces[-1]
                    if data.endswith(last):
                        break
    found = complete(b"".join(pieces))
    assert [a.number for a in found] == [n for n in range(1, count + 1) for _ in (0, 1)]
    # But for the number of the request (three octets) they are the same.
    assert len({a.data[3:] for a in found[::2]}) == 1


# RFC 4511 section 4.14, RFC 4513 section 3.1.1


def test_rfc4512_5_1_root_dse_names_it(secured, root, server):
    assert START_TLS.encode() in root.read("", ["supportedExtension"]).only["supportedExtension"]
    with Client(server.url) as client:
        assert START_TLS.encode() not in client.read("", ["supportedExtension"]).only["supportedExtension"]


def test_rfc4511_4_14_2_without_certificate(server):
    with Client(server.url) as client:
        assert client.extended(START_TLS).code == 2


def test_rfc4511_4_14_1_the_response_has_the_name(secured):
    with socket.create_connection(secured.address, 10) as connection:
        connection.sendall(wire.message(1, wire.extended(START_TLS)))
        answer = complete(connection.recv(4096))[0]
        assert answer.code == 0 and (0x8A, START_TLS.encode()) in wire.elements(answer.contents)


def test_rfc4511_4_14_1_no_value(secured):
    with socket.create_connection(secured.address, 10) as connection:
        assert ask(connection, wire.extended(START_TLS, "x"))[0].code == 2
        assert ask(connection, wire.search())[0].tag == 0x64


def test_rfc4513_3_1_1_not_twice(secured):
    with secured.wrapped() as connection:
        assert ask(connection, wire.extended(START_TLS))[0].code == 1
        assert ask(connection, wire.extended("1.3.6.1.4.1.4203.1.11.3"))[0].code == 0


def test_rfc4513_3_1_1_not_while_operations_run(secured):
    with socket.create_connection(secured.address, 10) as connection:
        assert ask(connection, wire.bind(ROOT_DN, ROOT_PASSWORD))[0].code == 0
        change = wire.modify(ORG, (2, "description", ["changed"]))
        connection.sendall(wire.message(1, change) + wire.message(2, wire.extended(START_TLS)))
        data = b""
        while len(found := complete(data)) < 2:
            data += connection.recv(4096)
        assert {a.number: a.code for a in found} == {1: 0, 2: 1}


@pytest.mark.parametrize("behind", [wire.message(2, wire.search()), wire.message(2, wire.bind(ROOT_DN, ROOT_PASSWORD)), b"\x30", b"\x16\x03\x01"],
                         ids=["search", "bind", "part of a request", "part of a handshake"])
def test_what_is_put_behind_starttls_is_never_carried_out(secured, behind):
    with socket.create_connection(secured.address, 10) as connection:
        connection.sendall(wire.message(1, wire.extended(START_TLS)) + behind)
        data, closed = receive(connection)
        found = complete(data)
        assert closed and len(found) == 1 and found[0].number == 0 and found[0].code == 2, data


def test_what_comes_in_clear_after_the_answer_is_no_request(secured):
    with socket.create_connection(secured.address, 10) as connection:
        connection.sendall(wire.message(1, wire.extended(START_TLS)))
        assert complete(connection.recv(4096))[0].code == 0
        connection.sendall(wire.message(2, wire.search()))
        data, closed = receive(connection)
        assert closed and data[:1] != b"\x30", data


def test_rfc4513_3_1_4_the_identity_stays(secured):
    plain = socket.create_connection(secured.address, 10)
    assert ask(plain, wire.bind(ROOT_DN, ROOT_PASSWORD))[0].code == 0
    assert ask(plain, wire.extended(START_TLS))[0].code == 0
    with secured.context().wrap_socket(plain, server_hostname="localhost") as connection:
        assert b"dn:cn=config" in ask(connection, wire.extended("1.3.6.1.4.1.4203.1.11.3"))[0].contents


def test_an_ldap_client_on_the_ldaps_port(secured):
    with socket.create_connection(("127.0.0.1", secured.tls_port), 10) as connection:
        connection.sendall(wire.message(1, wire.search()))
        data, closed = receive(connection)
        assert closed and data[:1] != b"\x30"


@pytest.mark.parametrize("portion", [1, 7, 100])
def test_a_handshake_in_portions(secured, portion):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = secured.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", secured.tls_port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = outgoing.read()
            for at in range(0, len(data), portion):
                connection.send(data[at:at + portion])
            if done:
                break
            incoming.write(connection.recv(65536))
        tls.write(wire.message(1, wire.compare("cn=config,cn=zimbra", "cn", "config")))
        connection.sendall(outgoing.read())
        while True:
            incoming.write(connection.recv(65536))
            try:
                assert complete(tls.read(4096))[0].number == 1
                break
            except ssl.SSLWantReadError:
                pass


def test_half_open_handshakes(start):
    server = start(MUSTER_LIMITS_HANDSHAKE_TIMEOUT="2")
    half = [socket.create_connection(("127.0.0.1", server.tls_port), 10) for _ in range(150)]
    for n, connection in enumerate(half):
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[:n % 10])
    late = socket.create_connection(server.address, 10)
    late.sendall(wire.message(1, wire.extended(START_TLS)))
    assert complete(late.recv(4096))[0].code == 0
    begin = time.monotonic()
    with server.wrapped() as connection:
        assert ask(connection, wire.search())[0].tag == 0x64
    assert time.monotonic() - begin < 2
    for connection in [*half, late]:
        connection.settimeout(6)
        assert connection.recv(100) == b""
        connection.close()
    with server.wrapped() as connection:
        assert ask(connection, wire.search())[0].tag == 0x64


# Certificates of virtual hosts (semantics 11.2)


def put(client, domain, issued, chain="", key=None):
    return client.modify(domain, ("replace", "zimbraSSLCertificate", issued.pem + chain),
                         ("replace", "zimbraSSLPrivateKey", key or issued.key_pem))


def remove(client, domain):
    for attribute in ("zimbraSSLCertificate", "zimbraSSLPrivateKey"):
        assert client.modify(domain, ("replace", attribute, None)).code == 0


@pytest.fixture
def domains(root):
    yield
    for domain in (COM, ORG):
        remove(root, domain)


def test_semantics_11_2_1_chosen_by_server_name(secured, root, authority, domains):
    own = secured.shown.fingerprint
    assert secured.shows() == secured.shows("mail.example.com") == own
    com, org = authority.issue("mail.example.com", "webmail.example.com"), authority.issue("*.example.org")
    assert put(root, COM, com).code == 0 and put(root, ORG, org).code == 0
    assert secured.shows("mail.example.com") == secured.shows("webmail.example.com") == secured.shows("Mail.Example.COM") == com.fingerprint
    assert secured.shows("mail.example.org") == org.fingerprint
    assert secured.shows("mail.example.org", "-tls1_2") == org.fingerprint
    assert secured.shows("other.example.org") == secured.shows() == own
    # Live: another certificate, another name, none.
    renewed = authority.issue("mail.example.com", "webmail.example.com")
    assert put(root, COM, renewed).code == 0
    assert secured.shows("mail.example.com") == renewed.fingerprint
    assert root.modify(ORG, ("add", "zimbraVirtualHostname", "new.example.org")).code == 0
    assert secured.shows("new.example.org") == org.fingerprint
    assert root.modify(ORG, ("delete", "zimbraVirtualHostname", "new.example.org")).code == 0
    assert secured.shows("new.example.org") == own
    remove(root, COM)
    assert secured.shows("mail.example.com") == own


def test_semantics_11_2_3_a_good_chain(secured, root, tmp_path, authority, domains):
    intermediate = Authority(tmp_path, "Intermediate", authority)
    issued = intermediate.issue("mail.example.com", "webmail.example.com")
    assert put(root, COM, issued, intermediate.pem + authority.pem).code == 0
    out = s_client(secured.tls_port, "-servername", "mail.example.com", "-CAfile", authority.certificate)
    assert "Verify return code: 0 (ok)" in out


@pytest.mark.parametrize("case", ["no PEM", "broken", "no key", "other key", "wrong order", "foreign issuer", "encrypted key"])
def test_semantics_11_2_3_refused(root, tmp_path, authority, case, domains):
    intermediate = Authority(tmp_path, "Intermediate", authority)
    foreign = Authority(tmp_path, "Foreign")
    issued = intermediate.issue("mail.example.com", "webmail.example.com")
    if case == "no PEM":
        result = root.modify(COM, ("replace", "zimbraSSLCertificate", "certificate"))
    elif case == "broken":
        result = root.modify(COM, ("replace", "zimbraSSLCertificate", issued.pem + issued.pem.replace("MII", "MIJ")))
    elif case == "no key":
        result = put(root, COM, issued, key="key")
    elif case == "other key":
        result = put(root, COM, issued, key=foreign.key_pem)
    elif case == "wrong order":
        result = put(root, COM, issued, authority.pem + intermediate.pem)
    elif case == "foreign issuer":
        result = put(root, COM, issued, foreign.pem)
    else:
        encrypted = subprocess.run(["openssl", "pkey", "-in", issued.key, "-aes256", "-passout", "pass:x"], capture_output=True, text=True,
                                   check=True).stdout
        result = put(root, COM, issued, key=encrypted)
    assert result.code == 19 and "zimbraSSL" in result.message, result
    assert "zimbraSSLCertificate" not in root.read(COM, ["zimbraSSLCertificate"]).only


def test_semantics_11_2_3_warned_of(secured, root, authority, domains):
    issued = authority.issue("mail.example.org", days=-1)
    assert put(root, ORG, issued).code == 0
    time.sleep(0.3)
    log = secured.log.read_text()
    assert "certificate of example.org: the certificate has expired; it is not for webmail.example.org" in log


# Files


def test_files_are_read_anew_on_sighup(start):
    server = start()
    with server.wrapped() as connection:
        new = server.authority.issue("localhost")
        server.install(new)
        os.kill(server.pid, signal.SIGHUP)
        until = time.monotonic() + 5
        while server.shows() != new.fingerprint:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert ask(connection, wire.search())[0].tag == 0x64
        # What cannot be used changes nothing.
        server.key.write_text("key")
        os.kill(server.pid, signal.SIGHUP)
        while "the certificate stays as it was" not in server.log.read_text():
            assert time.monotonic() < until + 5
            time.sleep(0.1)
        assert server.shows() == new.fingerprint


def test_files_are_read_anew_when_they_change(start):
    server = start()
    new = server.authority.issue("localhost")
    server.install(new)
    until = time.monotonic() + 15
    while server.shows() != new.fingerprint:
        assert time.monotonic() < until
        time.sleep(0.5)


def test_wrong_files_stop_the_start(tmp_path, authority):
    one, other = authority.issue("localhost"), authority.issue("localhost")
    for certificate, key, expected in ((one.certificate, other.key, "key"), ("/does/not/exist", one.key, "/does/not/exist"),
                                       (one.certificate, one.certificate, "key")):
        server = Muster(tmp_path, environment={"MUSTER_TLS_CERTIFICATE": str(certificate), "MUSTER_TLS_KEY": str(key)})
        run = server.command("serve", "--data", server.data, "--listen", "ldaps://127.0.0.1:0", check=False)
        assert run.returncode != 0 and expected in run.stderr.decode(), run.stderr
    run = Muster(tmp_path).command("serve", "--data", tmp_path / "data", "--listen", "ldaps://127.0.0.1:0", check=False)
    assert run.returncode != 0 and "tls.certificate" in run.stderr.decode()


# Certificates of clients


def test_rfc4513_5_2_3_1_required_of_clients(start, authority, tmp_path):
    server = start(MUSTER_TLS_CA=str(authority.certificate), MUSTER_TLS_CLIENT_CERTIFICATES="require")
    mine = authority.issue(subject="/O=Example/CN=proxy")
    with server.wrapped(mine) as connection:
        assert ask(connection, wire.search())[0].tag == 0x64
    for certificate in (None, Authority(tmp_path / "other", "Other").issue(subject="/CN=proxy")):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            with server.wrapped(certificate) as connection:
                ask(connection, wire.search())


def test_rfc4513_5_2_3_1_requested_of_clients(start, authority, tmp_path):
    server = start(MUSTER_TLS_CA=str(authority.certificate), MUSTER_TLS_CLIENT_CERTIFICATES="request")
    mine = authority.issue(subject="/O=Example/CN=proxy")
    for certificate in (None, mine):
        with server.wrapped(certificate) as connection:
            assert ask(connection, wire.search())[0].tag == 0x64
    # A session that is taken up again.
    for version in ("-tls1_2", "-tls1_3"):
        out = s_client(server.tls_port, version, "-cert", mine.certificate, "-key", mine.key, "-reconnect")
        assert "Reused" in out if version == "-tls1_2" else "alert" not in out, out
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with server.wrapped(Authority(tmp_path / "other", "Other").issue(subject="/CN=proxy")) as connection:
            ask(connection, wire.search())


# confidentialityRequired


def test_rfc4513_6_3_passwords_only_in_confidence(start):
    server = start(MUSTER_CONFIDENTIALITY_REQUIRED="true")
    modify_password = wire.extended("1.3.6.1.4.1.4203.1.11.1", wire.sequence(wire.text("uid=x", 0x80), wire.text("old", 0x81)))
    with socket.create_connection(server.address, 10) as connection:
        assert ask(connection, wire.bind())[0].code == 0
        assert ask(connection, wire.bind(ROOT_DN, ROOT_PASSWORD))[0].code == 13
        assert ask(connection, wire.bind(ROOT_DN, "wrong"))[0].code == 13
        assert ask(connection, wire.bind("uid=nobody,dc=example", "wrong"))[0].code == 13
        assert ask(connection, modify_password)[0].code == 13
        assert ask(connection, wire.search())[0].tag == 0x64
        assert ask(connection, wire.extended(START_TLS))[0].code == 0
        with server.context().wrap_socket(connection, server_hostname="localhost") as secure:
            assert ask(secure, wire.bind(ROOT_DN, ROOT_PASSWORD))[0].code == 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server.socket_path)
        assert ask(connection, wire.bind(ROOT_DN, ROOT_PASSWORD))[0].code == 0
