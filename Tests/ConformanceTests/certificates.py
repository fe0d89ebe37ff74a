"""Certificates for tests, made with the openssl tool."""
from __future__ import annotations

import pathlib
import secrets
import subprocess


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more)


class Issued:
    """A certificate and its key: files, and their contents."""

    def __init__(self, certificate, key, issuer=None):
        self.certificate, self.key, self.issuer = pathlib.Path(certificate), pathlib.Path(key), issuer

    @property
    def pem(self):
        return self.certificate.read_text()

    @property
    def key_pem(self):
        return self.key.read_text()

    @property
    def fingerprint(self):
        out = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256").stdout.decode()
        return out.strip().split("=")[1]


class Authority(Issued):
    """Issues certificates. Without an issuer of its own it is a root."""

    def __init__(self, folder, name="Test Root", issuer=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count = 0
        made = (issuer or self)._make(name.replace(" ", ""), "/CN=" + name, ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"],
                                      issuer, 30)
        super().__init__(made.certificate, made.key, issuer)

    def issue(self, *names, subject=None, days=30):
        """For host names; the first is also the common name. Negative days: expired."""
        extensions = ["subjectAltName=" + ",".join(("IP:" if n.replace(".", "").isdigit() else "DNS:") + n for n in names)] if names else []
        return self._make(f"issued{self.count}", subject or f"/CN={names[0]}", extensions, self, days)

    def _make(self, file, subject, extensions, issuer, days):
        self.count += 1
        base = self.folder / f"{file}-{self.count}"
        key, request, certificate, settings = (base.with_suffix(s) for s in (".key", ".csr", ".pem", ".ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
        settings.write_text("\n".join(extensions) + "\n")
        signer = ["-CA", issuer.certificate, "-CAkey", issuer.key, "-set_serial", str(secrets.randbits(63))] if issuer else ["-signkey", key]
        openssl("x509", "-req", "-in", request, "-out", certificate, "-days", days, "-extfile", settings, *signer)
        return Issued(certificate, key, issuer)
