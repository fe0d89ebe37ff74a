"""Every operation through OpenLDAP's own command-line tools."""
import base64
import re
import subprocess

import pytest

from conftest import PEOPLE
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD

ADA = "uid=ada," + PEOPLE


@pytest.fixture
def tool(server):
    def run(name, *arguments, dn=ROOT_DN, password=ROOT_PASSWORD, input="", code=0, url=None):
        identity = ["-D", dn, "-w", password] if dn else []
        process = subprocess.run([name, "-x", "-H", url or server.url, *identity, *arguments], input=input.encode(),
                                 capture_output=True, timeout=60)
        out, err = process.stdout.decode(), process.stderr.decode()
        assert process.returncode == code, f"{name} {arguments}: {process.returncode}\n{out}\n{err}"
        return out + err
    return run


def search(tool, *arguments, **more):
    return tool("ldapsearch", "-LLL", "-o", "ldif-wrap=no", *arguments, **more)


def dns(text):
    return [base64.b64decode(m[2]).decode() if m[1] else m[2] for m in re.finditer(r"^dn:(:?) (.*)$", text, re.M)]


def test_ldapwhoami(tool):
    assert tool("ldapwhoami").strip() == "dn:cn=config"
    assert tool("ldapwhoami", dn=ADMIN_DN, password=ADMIN_PASSWORD).strip() == "dn:" + ADMIN_DN
    assert tool("ldapwhoami", dn=None).strip() == "anonymous"
    assert "Invalid credentials (49)" in tool("ldapwhoami", password="wrong", code=49)


def test_ldapwhoami_over_a_socket(tool, server):
    assert tool("ldapwhoami", url=server.socket_url).strip() == "dn:cn=config"


def test_ldapexop_whoami(tool):
    assert "dn:cn=config" in tool("ldapexop", "whoami")


def test_ldapsearch(tool):
    out = search(tool, "-b", PEOPLE, "-s", "one", "(uid=ada)", "cn", "mail")
    assert sorted(out.strip().splitlines()) == sorted([f"dn: {ADA}", "cn: Ada Lovelace", "cn: Augusta Ada King", "mail: ada@conformance.example"])


def test_ldapsearch_scopes(tool):
    assert [len(dns(search(tool, "-b", PEOPLE, "-s", s, "1.1"))) for s in ("base", "one", "sub", "children")] == [1, 5, 8, 7]


def test_ldapsearch_of_nothing(tool):
    assert search(tool, "-b", PEOPLE, "(uid=nobody)").strip() == ""
    out = search(tool, "-b", "ou=missing," + PEOPLE, code=32)
    assert "No such object (32)" in out and "Matched DN: " + PEOPLE in out


def test_ldapsearch_attributes_only(tool):
    out = search(tool, "-A", "-b", ADA, "-s", "base", "cn", "mail")
    assert sorted(out.strip().splitlines()) == sorted([f"dn: {ADA}", "cn:", "mail:"])


def test_ldapsearch_operational(tool):
    out = search(tool, "-b", ADA, "-s", "base", "+")
    for name in ("entryUUID", "entryCSN", "creatorsName", "createTimestamp", "modifiersName", "modifyTimestamp", "structuralObjectClass", "hasSubordinates",
                 "entryDN", "subschemaSubentry"):
        assert re.search(rf"^{name}: ", out, re.M), name


def test_ldapsearch_limits(tool):
    assert len(dns(search(tool, "-z", "2", "-b", PEOPLE, "1.1", code=4))) == 2
    assert len(dns(search(tool, "-l", "10", "-b", PEOPLE, "1.1"))) == 8


@pytest.mark.parametrize("size", [1, 3, 100])
def test_ldapsearch_paged(tool, size):
    assert len(dns(search(tool, "-E", f"pr={size}/noprompt", "-b", PEOPLE, "1.1"))) == 8


def test_ldapsearch_paged_over_everything(tool):
    everything = dns(search(tool, "-b", "", "1.1"))
    assert sorted(dns(search(tool, "-E", "pr=50/noprompt", "-b", "", "1.1"))) == sorted(everything)
    assert len(everything) > 300


def test_ldapsearch_manage_dsa_it(tool):
    assert len(dns(search(tool, "-MM", "-b", PEOPLE, "-s", "one", "1.1"))) == 5


def test_ldapsearch_assertion(tool):
    assert dns(search(tool, "-e", "!assert=(ou=conformance)", "-b", PEOPLE, "-s", "base", "1.1")) == [PEOPLE]
    search(tool, "-e", "!assert=(ou=other)", "-b", PEOPLE, "-s", "base", "1.1", code=122)


def test_ldapsearch_unknown_control(tool):
    search(tool, "-e", "!1.3.6.1.4.1.55555.1", "-b", PEOPLE, "-s", "base", "1.1", code=12)
    assert dns(search(tool, "-e", "1.3.6.1.4.1.55555.1", "-b", PEOPLE, "-s", "base", "1.1")) == [PEOPLE]


def test_ldapsearch_extensible(tool):
    assert len(dns(search(tool, "-b", "", "(entryDN:dnSubtreeMatch:=%s)" % PEOPLE, "1.1"))) == 8


def test_ldapsearch_as_a_user_and_anonymous(tool):
    out = search(tool, "-b", "uid=bob," + PEOPLE, "-s", "base", dn=ADA, password="lovelace")
    assert "mail: bob@conformance.example" in out and "userPassword" not in out
    search(tool, "-b", PEOPLE, dn=None, code=32)


def test_root_dse_and_subschema(tool):
    assert "supportedLDAPVersion: 3" in search(tool, "-b", "", "-s", "base", "+", dn=None)
    out = search(tool, "-b", "cn=subschema", "-s", "base", "attributeTypes", dn=None)
    assert len(re.findall(r"^attributeTypes: ", out, re.M)) >= 1870


NEW = """dn: cn=tool,{branch}
objectClass: inetOrgPerson
cn: tool
sn: Tool
description: line one
 continued
jpegPhoto:: AAEC/w==
"""


def test_life_of_an_entry(tool, branch):
    dn = "cn=tool," + branch
    tool("ldapadd", input=NEW.format(branch=branch))
    tool("ldapadd", input=NEW.format(branch=branch), code=68)
    out = search(tool, "-b", dn, "-s", "base")
    assert "description: line onecontinued" in out and "jpegPhoto:: AAEC/w==" in out
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nadd: title\ntitle: Dr\n-\nreplace: sn\nsn: Hammer\n-\ndelete: jpegPhoto\n-\n")
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\ndelete: title\ntitle: Prof\n-\n", code=16)
    assert "TRUE" in tool("ldapcompare", dn, "sn:hammer", code=6)
    assert "FALSE" in tool("ldapcompare", dn, "sn:tool", code=5)
    assert "Undefined attribute type" in tool("ldapcompare", dn, "nope:x", code=17)
    tool("ldapmodrdn", "-r", dn, "cn=renamed")
    tool("ldapmodrdn", dn, "cn=other", code=32)
    out = search(tool, "-b", "cn=renamed," + branch, "-s", "base", "cn", "title", "sn")
    assert "cn: renamed" in out and "cn: tool" not in out and "sn: Hammer" in out
    tool("ldapadd", input=f"dn: ou=sub,{branch}\nobjectClass: organizationalUnit\nou: sub\n")
    tool("ldapmodrdn", "-r", "-s", "ou=sub," + branch, "cn=renamed," + branch, "cn=moved")
    tool("ldapdelete", "ou=sub," + branch, code=66)
    tool("ldapdelete", f"cn=moved,ou=sub,{branch}")
    tool("ldapdelete", f"cn=moved,ou=sub,{branch}", code=32)


def test_ldapmodify_of_many_records(tool, branch):
    records = "\n".join(f"dn: cn=p{i},{branch}\nchangetype: add\nobjectClass: person\ncn: p{i}\nsn: x\n" for i in range(200))
    records += f"\ndn: cn=p0,{branch}\nchangetype: modrdn\nnewrdn: cn=q0\ndeleteoldrdn: 1\n\ndn: cn=p1,{branch}\nchangetype: delete\n"
    tool("ldapmodify", input=records)
    assert len(dns(search(tool, "-b", branch, "-s", "one", "1.1"))) == 199


def test_ldapmodify_increment(tool, branch):
    dn = "uid=n," + branch
    tool("ldapadd", input=f"dn: {dn}\nobjectClass: inetOrgPerson\nobjectClass: zimbraAccount\nuid: n\ncn: n\nsn: n\nzimbraId: tool-n\n"
                          "zimbraAccountStatus: active\nzimbraMailQuota: 5\n")
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nincrement: zimbraMailQuota\nzimbraMailQuota: 37\n-\n")
    assert "zimbraMailQuota: 42" in search(tool, "-b", dn, "-s", "base", "zimbraMailQuota")


def test_ldapmodify_pre_and_post_read(tool, person):
    out = tool("ldapmodify", "-e", "preread=description", "-e", "postread=description,sn",
               input=f"dn: {person}\nchangetype: modify\nreplace: description\ndescription: seen\n-\n")
    assert "description: admiral" in out and "description: seen" in out and "sn: Hopper" in out


def test_ldapmodify_assertion(tool, person):
    change = f"dn: {person}\nchangetype: modify\nreplace: description\ndescription: x\n-\n"
    tool("ldapmodify", "-e", "!assert=(sn=nobody)", input=change, code=122)
    tool("ldapmodify", "-e", "!assert=(sn=hopper)", input=change)


def test_ldapmodify_unknown_control(tool, person):
    tool("ldapmodify", "-e", "!1.3.6.1.4.1.55555.1", input=f"dn: {person}\nchangetype: modify\nreplace: description\ndescription: x\n-\n", code=12)


def test_ldapdelete_recursive(tool, branch):
    tool("ldapadd", input="\n".join([f"dn: ou=top,{branch}\nobjectClass: organizationalUnit\nou: top\n"] +
                                    [f"dn: cn={i},ou=top,{branch}\nobjectClass: person\ncn: {i}\nsn: x\n" for i in range(20)]))
    tool("ldapdelete", "-r", "ou=top," + branch)
    assert search(tool, "-b", branch, "-s", "one", "1.1").strip() == ""


def test_ldappasswd(tool, branch):
    dn = "uid=pw," + branch
    tool("ldapadd", input=f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: pw\ncn: pw\nsn: pw\nuserPassword: one\n")
    tool("ldappasswd", "-s", "two", dn)
    tool("ldapwhoami", dn=dn, password="one", code=49)
    tool("ldappasswd", "-a", "two", "-s", "three", dn=dn, password="two")
    assert tool("ldapwhoami", dn=dn, password="three").strip() == "dn:" + dn
    generated = re.search(r"New password: (\S+)", tool("ldappasswd", dn))[1]
    tool("ldapwhoami", dn=dn, password=generated)


def test_unauthenticated_bind(tool):
    assert "(53)" in tool("ldapwhoami", dn=ADA, password="", code=53)


def test_ldapadd_violations(tool, branch):
    base = f"dn: cn=v,{branch}\nobjectClass: person\ncn: v\n"
    tool("ldapadd", input=base, code=65)
    tool("ldapadd", input=base + "sn: x\nnope: x\n", code=17)
    tool("ldapadd", input=base + "sn: x\nseeAlso: x\n", code=21)
    tool("ldapadd", input=f"dn: cn=v,ou=missing,{branch}\nobjectClass: person\ncn: v\nsn: v\n", code=32)


def test_who_may_write(tool, branch):
    entry = f"dn: cn=w,{branch}\nobjectClass: person\ncn: w\nsn: w\n"
    tool("ldapadd", input=entry, dn=ADA, password="lovelace", code=50)
    tool("ldapadd", input=entry, dn=ADMIN_DN, password=ADMIN_PASSWORD)
