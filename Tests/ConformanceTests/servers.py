"""The servers that the tests run against: Muster, and Debian's slapd with the same schema and rules."""
from __future__ import annotations

import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORACLE = ROOT / "Benchmarks" / "oracle"
ROOT_DN, ROOT_PASSWORD = "cn=config", "secret"
ADMIN_DN, ADMIN_PASSWORD = "uid=zimbra,cn=admins,cn=zimbra", "zimbra"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def muster_program():
    return os.environ.get("MUSTER_BIN") or str(ROOT / ".build" / "release" / "muster")


class Muster:
    """`muster serve` on a data directory of its own. `rules`: initial, carbonio (its default) or a file."""

    kind = "muster"

    def __init__(self, folder, arguments=(), environment=None, rules="initial"):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.arguments = list(arguments)
        self.environment = dict(os.environ, MUSTER_ROOT_PASSWORD=ROOT_PASSWORD, **(environment or {}))
        if not pathlib.Path(muster_program()).resolve().is_relative_to(ROOT):       # built elsewhere: it cannot find the data itself
            self.environment.setdefault("MUSTER_SCHEMA_DIR", str(ROOT / "schema"))
            self.environment.setdefault("MUSTER_LDIF_DIR", str(ROOT / "ldif"))
        if rules != "carbonio":
            self.environment.setdefault("MUSTER_ACCESS_FILE", str(ORACLE / "slapd.acl.initial" if rules == "initial" else rules))
        self.process = None
        self.url = self.socket_url = self.tls_url = None
        self.log = self.folder / "server.log"

    def command(self, *arguments, check=True, timeout=120, **more):
        """Runs a subcommand to its end."""
        run = subprocess.run([muster_program(), *map(str, arguments)], env=self.environment, capture_output=True,
                             timeout=timeout, stdin=subprocess.DEVNULL, **more)
        if check:
            assert run.returncode == 0, f"muster {' '.join(map(str, arguments))}: {run.returncode}\n" \
                f"{run.stdout[-2000:].decode(errors='replace')}\n{run.stderr[-2000:].decode(errors='replace')}"
        return run

    def load(self, *files):
        return self.command("import", "--data", self.data, *files)

    def export(self, *arguments):
        return self.command("export", "--data", self.data, *arguments).stdout

    def check(self):
        return self.command("check", "--data", self.data)

    def spawn(self):
        """Starts the process and does not wait for it."""
        path = urllib.parse.quote(str(self.folder / "socket"), safe="")
        listeners = ["--listen", "ldap://127.0.0.1:0", "--listen", f"ldapi://{path}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [muster_program(), "serve", "--data", str(self.data), *listeners, *self.arguments], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=self.folder)

    def start(self, timeout=30):
        self.spawn()
        urls, text, until = [], b"", time.monotonic() + timeout
        while len(urls) < 2 + self.arguments.count("--listen"):
            left = until - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                self.kill()
                raise AssertionError(f"muster serve did not say that it listens\n{text.decode(errors='replace')}\n"
                                     + self.log.read_text(errors="replace")[-3000:])
            text += more
            urls = re.findall(r"^listening on (ldap[is]?://\S+)$", text.decode(errors="replace"), re.M)
        self.output = text.decode(errors="replace")
        self.url = next(u for u in urls if u.startswith("ldap:"))
        self.socket_url = next(u for u in urls if u.startswith("ldapi:"))
        self.tls_url = next((u for u in urls if u.startswith("ldaps:")), None)
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        parsed = urllib.parse.urlparse(self.url)
        return parsed.hostname, parsed.port

    @property
    def socket_path(self):
        return urllib.parse.unquote(self.socket_url[len("ldapi://"):]).rstrip("/")

    def alive(self):
        return self.process.poll() is None

    def stop(self, timeout=20):
        """SIGTERM; the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("muster did not stop on SIGTERM")
        self.process.stdout.close()
        return status

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def resident_kib(self):
        return resident_kib(self.pid)


class Slapd:
    """Debian's slapd as `Benchmarks/oracle/start-slapd.sh` sets it up. `rules`: initial, carbonio, none or a file."""

    kind = "slapd"

    def __init__(self, folder, rules="initial", environment=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = []
        self.port = free_port()
        self.environment = dict(os.environ, ROOTPW=ROOT_PASSWORD, NOSYNC="1", MAXSIZE_MB="1024", SYNCPROV="0", OVERLAYS="sssvlv deref",
                                **(environment or {}))
        if rules == "initial":
            self.environment["ACL"] = str(ORACLE / "slapd.acl.initial")
        elif rules == "none":
            self.environment["PLAIN"] = "1"
        elif rules != "carbonio":
            self.environment["ACL"] = str(rules)
        self.socket_path = str(self.folder / "socket")
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.socket_url = "ldapi://" + urllib.parse.quote(self.socket_path, safe="")
        self.environment["LISTEN"] = self.socket_url
        self.address = ("127.0.0.1", self.port)
        self.loaded = False

    def load(self, *files):
        self.files += [str(f) for f in files]

    def start(self):
        environment = dict(self.environment, KEEP="1" if self.loaded else "0")
        run = subprocess.run([str(ORACLE / "start-slapd.sh"), str(self.folder), str(self.port), *self.files],
                             env=environment, capture_output=True, timeout=600, stdin=subprocess.DEVNULL)
        assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()
        self.loaded = True
        return self

    @property
    def pid(self):
        return int((self.folder / "slapd.pid").read_text())

    def alive(self):
        return pathlib.Path(f"/proc/{self.pid}").exists()

    def stop(self):
        subprocess.run([str(ORACLE / "stop-slapd.sh"), str(self.folder)], check=True, capture_output=True, timeout=60)

    def resident_kib(self):
        return resident_kib(self.pid)


def resident_kib(pid):
    """Resident memory without what is mapped from files."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def target():
    return os.environ.get("TARGET", "muster")


def new_server(folder, **more):
    """The server under test: `TARGET=slapd` shows what slapd does with the same tests."""
    return Slapd(folder, **more) if target() == "slapd" else Muster(folder, **more)
