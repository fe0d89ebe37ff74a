"""The situations that OpenLDAP's own tests are about, through its command-line tools: populate, search, modify, rename, passwords, language
options, identities, limits, forms of names, management of operational attributes, moving subtrees, dynamic lists."""
import base64
import re
import subprocess

import pytest

from conftest import PEOPLE
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD

ADA = "uid=ada," + PEOPLE


@pytest.fixture
def tool(server):
    def run(name, *arguments, dn=ROOT_DN, password=ROOT_PASSWORD, input="", code=0):
        identity = ["-D", dn, "-w", password] if dn else []
        process = subprocess.run([name, "-x", "-H", server.url, *identity, *arguments], input=input.encode(), capture_output=True,
                                 timeout=60)
        out, err = process.stdout.decode(), process.stderr.decode()
        assert process.returncode == code, f"{name} {arguments}: {process.returncode}\n{out}\n{err}"
        return out + err
    return run


def search(tool, base, filter="(objectClass=*)", *attributes, scope="sub", **more):
    """Entries as {lower-case DN: {attribute: [values]}}. A comma in a value is `\\2c`, however the server writes it (RFC 4514 section 2.4)."""
    out = tool("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, filter, *attributes, **more)
    entries = {}
    for block in re.split(r"\n\n+", out.strip()):
        entry = {}
        for name, kind, value in re.findall(r"^([^:\s#]+):(:?) ?(.*)$", block, re.M):
            entry.setdefault(name, []).append(base64.b64decode(value).decode() if kind else value)
        if "dn" in entry:
            entries[entry.pop("dn")[0].lower().replace("\\,", "\\2c")] = entry
    return entries


PEOPLE_LDIF = """
dn: o=Company,{b}
objectClass: organization
o: Company
description: A company of
  several lines, and a comment
# that is not one of its lines

dn: ou=People,o=Company,{b}
objectClass: organizationalUnit
ou: People

dn: cn=Barbara Jensen,ou=People,o=Company,{b}
objectClass: inetOrgPerson
cn: Barbara Jensen
cn: Babs Jensen
sn:: IEplbnNlbiA=
title: Mythical Manager
telephoneNumber: +1 313 555 9022
description;lang-en: manager
description;lang-fr: gestionnaire

dn: cn=Bjorn Jensen+uid=bjorn,ou=People,o=Company,{b}
objectClass: inetOrgPerson
cn: Bjorn Jensen
sn: Jensen
uid: bjorn

dn: cn=All\\2C Staff,o=Company,{b}
objectClass: groupOfNames
cn: All, Staff
member: cn=Barbara Jensen,ou=People,o=Company,{b}
member: cn=Bjorn Jensen+uid=bjorn,ou=People,o=Company,{b}
"""


@pytest.fixture
def company(tool, branch):
    out = tool("ldapadd", input=PEOPLE_LDIF.format(b=branch))
    assert out.count("adding new entry") == 5
    return "o=Company," + branch


def names(entries):
    return {n.split(",")[0] for n in entries}


# --- populate, search -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("filter,found", [
    ("(sn=jensen)", {"cn=barbara jensen", "cn=bjorn jensen+uid=bjorn"}), ("(|(cn=b*jensen)(ou=people))", {"cn=barbara jensen", "cn=bjorn jensen+uid=bjorn", "ou=people"}),
    ("(&(objectClass=groupOfNames)(cn=All\\2c Staff))", {"cn=all\\2c staff"}), ("(&(objectClass=person)(!(title=*)))", {"cn=bjorn jensen+uid=bjorn"}),
    ("(telephoneNumber=+1-313-555-9022)", {"cn=barbara jensen"}), ("(cn=*abs j*)", {"cn=barbara jensen"}), ("(cn~=Babs Jensen)", {"cn=barbara jensen"}),
    ("(cn:caseExactMatch:=babs jensen)", set()), ("(cn:caseExactMatch:=Babs Jensen)", {"cn=barbara jensen"}), ("(uid:dn:=bjorn)", {"cn=bjorn jensen+uid=bjorn"}),
    ("(ou:dn:=people)", {"ou=people", "cn=barbara jensen", "cn=bjorn jensen+uid=bjorn"}), ("(noSuchAttribute=x)", set()), ("(!(noSuchAttribute=x))", set()),
    ("(&)", None), ("(|)", set()), ("(objectClass=groupofnames)", {"cn=all\\2c staff"}), ("(cn>=Bj)", set())])
def test_search(tool, company, filter, found):
    entries = search(tool, company, filter)
    assert len(entries) == 5 if found is None else names(entries) == found


def test_search_by_member_in_other_forms(tool, company):
    for name in (f"CN=Bjorn Jensen+UID=bjorn,OU=people,{company}", f"uid=BJORN + cn=Bjorn  Jensen , ou=People, {company}",
                 f"2.5.4.3=Bjorn Jensen+uid=bjorn,ou=People,{company}"):
        assert names(search(tool, company, f"(member={name})")) == {"cn=all\\2c staff"}


def test_continue_after_errors(tool, company):
    out = tool("ldapadd", "-c", input=f"dn: {company}\nobjectClass: organization\no: Company\n\ndn: cn=late,{company}\nobjectClass: person\ncn: late\nsn: x\n", code=68)
    assert "Already exists (68)" in out
    assert names(search(tool, company, "(cn=late)")) == {"cn=late"}


# --- modify ---------------------------------------------------------------------------------------------------------------

def test_modify_sequence(tool, company):
    dn = f"cn=Barbara Jensen,ou=People,{company}"
    tool("ldapmodify", input=f"""dn: {dn}
changetype: modify
add: description
description: one
description: two
-
delete: description
description: ONE
-
replace: title
title: Chief
-
add: title
title: Deputy
-
delete: telephoneNumber
-

dn: cn=All\\, Staff,{company}
changetype: modify
delete: member
member: uid=bjorn+cn=Bjorn Jensen,ou=People,{company}
""")
    entry, = search(tool, dn, scope="base").values()
    assert entry["description"] == ["two"] and set(entry["title"]) == {"Chief", "Deputy"} and "telephoneNumber" not in entry
    group, = search(tool, company, "(objectClass=groupOfNames)").values()
    assert [m.lower() for m in group["member"]] == [dn.lower()]


@pytest.mark.parametrize("change,code", [
    ("delete: sn\n", 65), ("add: title\ntitle: mythical manager\n", 20), ("delete: title\ntitle: none\n", 16),
    ("add: noSuchAttribute\nnoSuchAttribute: x\n", 17), ("replace: telephoneNumber\ntelephoneNumber:: 4oKs\n", 21),
    ("add: objectClass\nobjectClass: organization\n", 65), ("add: objectClass\nobjectClass: noSuchClass\n", 21), ("replace: entryUUID\nentryUUID: x\n", 21),
    ("add: dc\ndc: x\n", 65), ("delete: jpegPhoto\n", 16), ("replace: createTimestamp\ncreateTimestamp: 20010101000000Z\n", 19)])
def test_modify_refused(tool, company, change, code):
    dn = f"cn=Barbara Jensen,ou=People,{company}"
    before = search(tool, dn, "(objectClass=*)", "*", "+", scope="base")
    # All or none: the first change is good.
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nreplace: l\nl: Somewhere\n-\n{change}-\n", code=code)
    assert search(tool, dn, "(objectClass=*)", "*", "+", scope="base") == before


# --- rename ---------------------------------------------------------------------------------------------------------------

def test_rename_keeping_and_dropping_the_old_value(tool, company):
    dn = f"cn=Barbara Jensen,ou=People,{company}"
    tool("ldapmodrdn", dn, "cn=Barbara J")
    assert set(search(tool, company, "(cn=Barbara J)", "cn")[f"cn=barbara j,ou=people,{company}".lower()]["cn"]) == {"Barbara Jensen", "Babs Jensen", "Barbara J"}
    tool("ldapmodrdn", "-r", f"cn=Barbara J,ou=People,{company}", "cn=Babs Jensen")
    assert set(search(tool, company, "(cn=Babs Jensen)", "cn")[f"cn=babs jensen,ou=people,{company}".lower()]["cn"]) == {"Barbara Jensen", "Babs Jensen"}
    tool("ldapmodrdn", dn, "cn=x", code=32)
    tool("ldapmodrdn", f"cn=Babs Jensen,ou=People,{company}", "cn=Bjorn Jensen+uid=bjorn", code=68)
    # The same name in another case.
    tool("ldapmodrdn", "-r", f"cn=Babs Jensen,ou=People,{company}", "cn=BABS JENSEN")
    assert search(tool, company, "(cn=babs jensen)", "cn")[f"cn=babs jensen,ou=people,{company}".lower()]


def test_rename_of_a_subtree(tool, company, branch):
    tool("ldapadd", input=f"dn: ou=Elsewhere,{branch}\nobjectClass: organizationalUnit\nou: Elsewhere\n")
    tool("ldapmodrdn", "-r", "-s", f"ou=Elsewhere,{branch}", company, "o=Moved")
    moved = f"o=Moved,ou=Elsewhere,{branch}"
    assert names(search(tool, moved)) == {"o=moved", "ou=people", "cn=barbara jensen", "cn=bjorn jensen+uid=bjorn", "cn=all\\2c staff"}
    search(tool, company, code=32)
    assert set(search(tool, f"ou=People,{moved}", scope="one")) == {n.lower() for n in (
        f"cn=Barbara Jensen,ou=People,{moved}", f"cn=Bjorn Jensen+uid=bjorn,ou=People,{moved}")}
    tool("ldapmodrdn", "-s", f"ou=People,{moved}", moved, "o=Moved", code=53)
    tool("ldapmodrdn", "-s", f"ou=absent,{branch}", moved, "o=Moved", code=32)


# --- passwords, identities ------------------------------------------------------------------------------------------------

def test_passwords(tool, company):
    dn = f"cn=Barbara Jensen,ou=People,{company}"
    tool("ldappasswd", "-s", "first", dn)
    assert tool("ldapwhoami", dn=dn, password="first").strip().lower() == "dn:" + dn.lower()
    made = re.search(r"New password: (\S+)", tool("ldappasswd", dn))[1]
    tool("ldapwhoami", dn=dn, password="first", code=49)
    tool("ldappasswd", "-a", made, "-s", "second", dn=dn, password=made)
    tool("ldapwhoami", dn=dn, password="second")
    tool("ldappasswd", "-a", "wrong", "-s", "third", dn=dn, password="second", code=1)
    stored, = search(tool, dn, "(objectClass=*)", "userPassword", scope="base").values()
    assert len(stored["userPassword"]) == 1 and stored["userPassword"][0].startswith("{")


def test_who_am_i_for_another(tool):
    assert tool("ldapwhoami", "-e", f"!authzid=dn:{ADA}").strip() == "dn:" + ADA
    assert tool("ldapwhoami", "-e", "!authzid=").strip() == "anonymous"
    assert "(123)" in tool("ldapwhoami", "-e", f"!authzid=dn:{ROOT_DN}", dn=ADA, password="lovelace", code=1)
    assert search(tool, PEOPLE, "(uid=ada)", "1.1", dn=ADMIN_DN, password=ADMIN_PASSWORD)


# --- options --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("selection,expected", [
    (["description"], {"description;lang-en", "description;lang-fr"}), (["description;lang-fr"], {"description;lang-fr"}),
    (["description;lang-de"], set()), (["DESCRIPTION;LANG-EN"], {"description;lang-en"})])
def test_language_options(tool, company, selection, expected):
    entry, = search(tool, company, "(cn=Barbara Jensen)", *selection).values()
    assert {k.lower() for k in entry} == expected


@pytest.mark.parametrize("filter,count", [
    ("(description=gestionnaire)", 1), ("(description;lang-fr=gestionnaire)", 1), ("(description;lang-en=gestionnaire)", 0),
    ("(description;lang-fr=*)", 1), ("(description;lang-de=*)", 0), ("(description=*)", 2)])
def test_language_options_in_filters(tool, company, filter, count):
    assert len(search(tool, company, filter, "1.1")) == count


def test_language_options_in_changes(tool, company):
    dn = f"cn=Barbara Jensen,ou=People,{company}"
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nreplace: description;lang-fr\ndescription;lang-fr: directrice\n-\nadd: description\ndescription: plain\n-\n")
    entry, = search(tool, dn, "(objectClass=*)", "description", scope="base").values()
    assert {k.lower(): v for k, v in entry.items()} == {"description": ["plain"], "description;lang-en": ["manager"], "description;lang-fr": ["directrice"]}
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\ndelete: description;lang-de\n-\n", code=16)
    tool("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nadd: description;x-none\ndescription;x-none: x\n-\n", code=17)


# --- limits ---------------------------------------------------------------------------------------------------------------

def test_size_limits(tool, company):
    out = tool("ldapsearch", "-LLL", "-b", company, "-z", "2", "(objectClass=*)", "1.1", code=4)
    assert out.count("dn:") == 2 and "Size limit exceeded (4)" in out
    assert tool("ldapsearch", "-LLL", "-b", company, "-z", "5", "1.1").count("dn:") == 5


# --- names ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [
    "cn=All\\2C Staff,{c}", "cn=All\\, Staff,{c}", 'cn="All, Staff",{c}', "CN=all\\2c STAFF , {c}", "2.5.4.3=All\\2C Staff,{c}", "cn=All\\2c\\20Staff,{c}"])
def test_forms_of_names(tool, company, name):
    assert list(search(tool, name.format(c=company), scope="base")) == [f"cn=all\\2c staff,{company}".lower()]


@pytest.mark.parametrize("name", ["cn", "cn=x,", ",cn=x", "cn=x,,{c}", "cn=x+,{c}", "=x,{c}", "cn=x\\", "cn=x\\4,{c}", "noSuchType=x,{c}", "cn=\"x,{c}"])
def test_names_that_are_none(tool, company, name):
    tool("ldapsearch", "-LLL", "-b", name.format(c=company), "-s", "base", code=34)
    tool("ldapdelete", name.format(c=company), code=34)


# --- manage ---------------------------------------------------------------------------------------------------------------

def test_manage(tool, company):
    """As somebody who copies a directory does: entries with their history."""
    uuid = "badbadba-dbad-4bad-8bad-badbadbadbad"
    record = f"""dn: cn=Replica,{company}
objectClass: person
cn: Replica
sn: x
entryUUID: {uuid}
createTimestamp: 19700101000001Z
creatorsName: cn=Somebody
"""
    tool("ldapadd", input=record, code=19)
    tool("ldapadd", "-e", "!relax", input=record)
    entry, = search(tool, company, f"(entryUUID={uuid})", "+").values()
    assert entry["createTimestamp"] == ["19700101000001Z"] and entry["creatorsName"] == ["cn=Somebody"]
    change = f"dn: cn=Replica,{company}\nchangetype: modify\nreplace: modifiersName\nmodifiersName: cn=Someone Else\n-\n"
    tool("ldapmodify", input=change, code=19)
    tool("ldapmodify", "-e", "relax", input=change)
    assert search(tool, company, "(cn=Replica)", "modifiersName").popitem()[1]["modifiersName"] == ["cn=Someone Else"]


# --- dynamic lists --------------------------------------------------------------------------------------------------------

@pytest.mark.muster
def test_dynamic_list(tool, company):
    tool("ldapadd", input=f"dn: cn=Dynamic,{company}\nobjectClass: groupOfURLs\ncn: Dynamic\nmemberURL: ldap:///ou=People,{company.replace(' ', '%20')}??sub?(sn=jensen)\n")
    entry, = search(tool, f"cn=Dynamic,{company}", "(objectClass=*)", "member", scope="base").values()
    assert {m.split(",")[0].lower() for m in entry["member"]} == {"cn=barbara jensen", "cn=bjorn jensen+uid=bjorn"}
    tool("ldapcompare", f"cn=Dynamic,{company}", f"member:cn=Barbara Jensen,ou=People,{company}", code=6)
    tool("ldapcompare", f"cn=Dynamic,{company}", f"member:ou=People,{company}", code=5)
    tool("ldapdelete", f"cn=Barbara Jensen,ou=People,{company}")
    entry, = search(tool, f"cn=Dynamic,{company}", "(objectClass=*)", "member", scope="base").values()
    assert len(entry["member"]) == 1


# --- controls of the tools ------------------------------------------------------------------------------------------------

def test_no_operation(tool, company):
    out = tool("ldapmodify", "-e", "!noop", input=f"dn: {company}\nchangetype: modify\nreplace: description\ndescription: x\n-\n", code=14)
    assert "X-NO-OPERATION" in out or "(16654)" in out
    assert search(tool, company, "(description=x)") == {}


def test_transactions(tool, company):
    tool("ldapmodify", "-E", "txn=commit", input=f"dn: cn=a,{company}\nchangetype: add\nobjectClass: person\ncn: a\nsn: a\n\ndn: cn=a,{company}\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n")
    assert names(search(tool, company, "(sn=a)")) == {"cn=b"}
    tool("ldapmodify", "-E", "txn=abort", input=f"dn: cn=c,{company}\nchangetype: add\nobjectClass: person\ncn: c\nsn: c\n")
    assert search(tool, company, "(sn=c)") == {}
