"""A second server, in which accounts prove themselves: a small slapd with a few people."""
import subprocess
import time

from client import Client
from servers import free_port

PEOPLE = """dn: dc=outside
objectClass: dcObject
objectClass: organization
dc: outside
o: outside

dn: cn=reader,dc=outside
objectClass: person
cn: reader
sn: reader
userPassword: reading

dn: uid=bjorn.aasen,dc=outside
objectClass: inetOrgPerson
uid: bjorn.aasen
cn: Björn
sn: Aasen
mail: bjorn.aasen@example.com
userPassword: outside-secret

dn: uid=elsewhere,dc=outside
objectClass: inetOrgPerson
uid: elsewhere
cn: Elsewhere
sn: Elsewhere
userPassword: other-secret

"""


class Outside:
    """`more`: further entries. `schema`: directives. `authority`: issues a certificate for StartTLS."""

    root, password = "cn=root,dc=outside", "secret"

    def __init__(self, folder, authority=None, more="", schema=""):
        folder.mkdir()
        (folder / "db").mkdir()
        self.port, self.folder = free_port(), folder
        tls = ""
        if authority:
            shown = authority.issue("127.0.0.1", "localhost")
            tls = f"""TLSCACertificateFile {authority.certificate}
TLSCertificateFile {shown.certificate}
TLSCertificateKeyFile {shown.key}
"""
        (folder / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
{tls}database mdb
suffix "dc=outside"
rootdn "{self.root}"
rootpw {self.password}
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.base="cn=reader,dc=outside" read by * none
""")
        (folder / "people.ldif").write_text(PEOPLE + more)
        subprocess.run(["/usr/sbin/slapadd", "-f", str(folder / "slapd.conf"), "-l", str(folder / "people.ldif")], check=True, capture_output=True)
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", self.url],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                with Client(self.url, "cn=reader,dc=outside", "reading"):
                    return self
            except AssertionError:
                time.sleep(0.05)
        raise AssertionError("slapd does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
