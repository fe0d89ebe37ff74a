"""Postfix's own look-up code, asked with `postmap -q` through the configuration files of docs/examples/postfix."""
from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

from servers import ROOT

EXAMPLES = ROOT / "docs" / "examples" / "postfix"
POSTMAP = shutil.which("postmap", path="/usr/sbin:/usr/bin:/sbin:/bin")
POSTCONF = shutil.which("postconf", path="/usr/sbin:/usr/bin:/sbin:/bin")

# The maps by the parameter of main.cf that has them.
PARAMETERS = {
    "vmd": "virtual_mailbox_domains", "vad": "virtual_alias_domains", "vmm": "virtual_mailbox_maps", "vam": "virtual_alias_maps",
    "canonical": "canonical_maps", "transport": "transport_maps", "slm": "smtpd_sender_login_maps",
}


class Postfix:
    """A configuration directory made from one of the two sets of examples."""

    def __init__(self, folder, examples, url, password):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        for source in examples.glob("*.cf"):
            text = source.read_text().replace("@URL@", url).replace("@PASSWORD@", password)
            (self.folder / source.name).write_text(text)
        # It asks no server of the machine, and warns if the files are readable by all.
        with open(self.folder / "main.cf", "a") as file:
            file.write("compatibility_level = 3.6\nmyhostname = mx.example.com\n")
        self.maps = {name: self.tables(parameter) for name, parameter in PARAMETERS.items()}
        self.maps["splitdomain"] = [f"ldap:{self.folder}/ldap-splitdomain.cf"]

    def parameter(self, name):
        run = subprocess.run([POSTCONF, "-c", self.folder, "-x", "-h", name], capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def tables(self, parameter):
        """What a parameter lists. Without `proxy:`, which is the same table in another process."""
        value = self.parameter(parameter).replace("proxy:", "")
        return [item.strip() for item in re.split(r",(?![^{]*\})", value) if item.strip()]

    def query(self, table, keys):
        """What one table answers: {key: text}."""
        run = subprocess.run([POSTMAP, "-c", self.folder, "-q", "-", table], capture_output=True, text=True, timeout=120,
                             input="".join(key + "\n" for key in keys))
        # 0: something was found; 1: nothing was. Both with a message on standard error if the table could not be asked.
        assert run.returncode in (0, 1) and not run.stderr, f"{table}: {run.returncode} {run.stderr}"
        return dict(line.split("\t", 1) for line in run.stdout.splitlines())

    def ask(self, name, keys):
        """What the tables of a map answer, the first that knows the key: {key: set of addresses}."""
        answers = {}
        for table in self.maps[name]:
            for key, value in self.query(table, [key for key in keys if key not in answers]).items():
                answers[key] = {part.strip() for part in value.split(",")}
        return answers

    def forms(self, address):
        """The keys that Postfix asks virtual_alias_maps for, in their order (virtual(5), "TABLE SEARCH ORDER")."""
        local, domain = address.rsplit("@", 1)
        forms = [address]
        if "+" in local[1:]:
            forms.append(f"{local.split('+', 1)[0]}@{domain}")
        return forms + ["@" + domain]

    def expand(self, address):
        """The recipients that cleanup(8) makes of an address: maps asked again for what they answer, until nothing changes."""
        recipients, waiting, seen = set(), {address}, set()
        while waiting:
            seen |= waiting
            answers = self.ask("vam", sorted({form for a in waiting for form in self.forms(a)}))
            following = set()
            for one in waiting:
                found = next((answers[form] for form in self.forms(one) if form in answers), None)
                # "@domain" keeps the local part.
                found = {one.rsplit("@", 1)[0] + f if f.startswith("@") else f for f in found or {one}}
                if one in found:
                    recipients.add(one)
                following |= found
            waiting = following - seen
        return recipients

    def is_ours(self, domain):
        return bool(self.ask("vmd", [domain])) or bool(self.ask("vad", [domain]))

    def accepts(self, address):
        """Whether smtpd(8) takes a recipient with reject_unauth_destination and smtpd_reject_unlisted_recipient."""
        domain = address.rsplit("@", 1)[1]
        if self.ask("vad", [domain]):
            return bool(self.ask("vam", self.forms(address)))
        if self.ask("vmd", [domain]):
            forms = self.forms(address)
            return bool(self.ask("vam", forms)) or bool(self.ask("vmm", forms[:-1]))
        return False

    def transport(self, address):
        """What transport_maps says of a recipient: the whole address goes before its domain (transport(5))."""
        domain = address.rsplit("@", 1)[1]
        answers = self.ask("transport", [address, domain])
        return answers.get(address) or answers.get(domain)
