"""RFC 4512 section 4.2: the schema is changed where it is read, by the root identity, while the server runs.

slapd changes its schema in cn=config instead, so these tests are for Muster alone."""
import subprocess

import threading

import ldap
import ldap.schema
import pytest
from ldap.controls.libldap import AssertionControl
from ldap.controls.psearch import PersistentSearchControl
from ldap.controls.readentry import PostReadControl, PreReadControl
from ldap.controls.sss import SSSRequestControl

from client import (ASSERTION_FAILED, ATTRIBUTE_OR_VALUE_EXISTS, CONSTRAINT_VIOLATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_ATTRIBUTE_SYNTAX,
                    NO_SUCH_ATTRIBUTE, OBJECT_CLASS_VIOLATION, SUCCESS, UNDEFINED_ATTRIBUTE_TYPE, UNWILLING_TO_PERFORM, Client, control, lower_keys)
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD, Muster

pytestmark = pytest.mark.muster

SUBSCHEMA = "cn=subschema"
ARC = "1.3.6.1.4.1.99999"
BADGE = f"( {ARC}.1 NAME ( 'badge' 'badgeCode' ) DESC 'of the door' EQUALITY caseIgnoreMatch ORDERING caseIgnoreOrderingMatch " \
        "SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
FLOOR = f"( {ARC}.2 NAME 'floorNumber' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )"
HOLDER = f"( {ARC}.3 NAME 'badgeHolder' SUP top AUXILIARY MUST badge MAY floorNumber )"
PEOPLE = "ou=people,dc=example,dc=com"


@pytest.fixture
def running(tmp_path):
    running = Muster(tmp_path / "server", ["--sample"], environment={"MUSTER_ADMINISTRATOR_PASSWORD": ADMIN_PASSWORD}).start()
    yield running
    running.stop()


@pytest.fixture
def root(running):
    with Client(running.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


def change(client, *changes, **options):
    return client.modify(SUBSCHEMA, *changes, **options)


def define(client):
    result = change(client, ("add", "attributeTypes", [BADGE, FLOOR]), ("add", "objectClasses", HOLDER))
    assert result.code == SUCCESS, result


def person(client, name, sn=None, **more):
    return client.add(f"cn={name},{PEOPLE}", {"objectClass": ["person", "badgeHolder"], "cn": name, "sn": sn or name, **more})


def published(client, attribute):
    return [v.decode() for v in client.read(SUBSCHEMA, [attribute], "(objectClass=subschema)").only[attribute]]


def found(client, filter):
    result = client.search(PEOPLE, "sub", filter, ["1.1"])
    assert result.code == SUCCESS, result
    return sorted(dn.split(",")[0][3:] for dn, _ in result.entries)


def test_a_type_and_a_class_are_defined_used_and_removed(running, root):
    before = lower_keys(root.read(SUBSCHEMA, ["+"], "(objectClass=subschema)").only)
    assert found(root, "(badge=x)") == [] and root.search(PEOPLE, "sub", "(badge=x)", ["badge"]).code == SUCCESS
    define(root)
    after = lower_keys(root.read(SUBSCHEMA, ["+"], "(objectClass=subschema)").only)
    assert after["modifytimestamp"] >= before["modifytimestamp"] and after["modifiersname"] == [ROOT_DN.encode()] and "entrycsn" in after
    schema = ldap.schema.SubSchema(after, check_uniqueness=2)
    assert schema.get_obj(ldap.schema.AttributeType, "badgeCode").desc == "of the door"
    assert schema.get_obj(ldap.schema.ObjectClass, "badgeHolder").must == ("badge",)
    assert any("floorNumber" in use for use in published(root, "matchingRuleUse"))

    assert person(root, "one").code == OBJECT_CLASS_VIOLATION
    assert person(root, "one", badge="A 100").code == SUCCESS
    assert person(root, "two", badge=["B 200", "b 300"], floorNumber="12").code == SUCCESS
    assert person(root, "three", badgeCode="C 400", floorNumber="x").code == INVALID_ATTRIBUTE_SYNTAX
    assert person(root, "three", badgeCode="C 400", floorNumber=["1", "2"]).code == CONSTRAINT_VIOLATION
    assert person(root, "three", badgeCode="C 400", floorNumber="-3").code == SUCCESS
    assert lower_keys(root.read(f"cn=three,{PEOPLE}").only)["badge"] == [b"C 400"], "attributes go by their first name"
    assert found(root, "(badge=a  100)") == ["one"]
    assert found(root, "(badgeCode=*00)") == ["one", "three", "two"] and found(root, "(badge=b*3*0)") == ["two"]
    assert found(root, "(badge>=b)") == ["three", "two"] and found(root, f"({ARC}.1<=B 1)") == ["one"]
    assert found(root, "(floorNumber>=2)") == ["two"] and found(root, "(floorNumber<=2)") == ["three"]
    assert found(root, "(objectClass=badgeHolder)") == ["one", "three", "two"]
    assert root.compare(f"cn=two,{PEOPLE}", "badge", "B  300").code == 6
    order = root.search(PEOPLE, "sub", "(badge=*)", ["1.1"], controls=[SSSRequestControl(True, ["-badge"])])
    assert [dn.split(",")[0][3:] for dn, _ in order.entries] == ["three", "two", "one"], order
    with Client(running.url, "uid=ada.lovelace," + PEOPLE, "muster-sample") as ada:
        assert found(ada, "(badge=a*)") == ["one"], "access rules for all attributes are for this one"

    running.stop()
    running.start()
    with Client(running.url, ROOT_DN, ROOT_PASSWORD) as root:
        assert BADGE in published(root, "attributeTypes") and HOLDER in published(root, "objectClasses")
        assert found(root, "(badge=b*)") == ["two"] and found(root, "(floorNumber>=2)") == ["two"]
        assert person(root, "four", badge="D").code == SUCCESS
        in_use = change(root, ("delete", "attributeTypes", BADGE))
        assert in_use.code == CONSTRAINT_VIOLATION and "badgeHolder" in in_use.message and "badge" in in_use.message
        in_use = change(root, ("delete", "objectClasses", HOLDER))
        assert in_use.code == UNWILLING_TO_PERFORM and "badgeHolder" in in_use.message and "cn=one" in in_use.message
        in_use = change(root, ("delete", "objectClasses", HOLDER), ("delete", "attributeTypes", [BADGE, FLOOR]))
        assert in_use.code == UNWILLING_TO_PERFORM and "in use" in in_use.message
        for name in ("one", "two", "three", "four"):
            assert root.delete(f"cn={name},{PEOPLE}").code == SUCCESS
        gone = change(root, ("delete", "objectClasses", f"( {ARC}.3 )"), ("delete", "attributeTypes", [BADGE, f"( {ARC}.2 )"]))
        assert gone.code == SUCCESS, gone
        assert not any(ARC in d for d in published(root, "attributeTypes") + published(root, "objectClasses"))
        assert person(root, "one", badge="A").code in (INVALID_ATTRIBUTE_SYNTAX, OBJECT_CLASS_VIOLATION, UNDEFINED_ATTRIBUTE_TYPE)
        define(root)
        assert person(root, "one", badge="A").code == SUCCESS and found(root, "(badge=a)") == ["one"]
    running.check()


BROKEN = [
    ("attributeTypes", "no definition", INVALID_ATTRIBUTE_SYNTAX, "expected"),
    ("attributeTypes", f"( {ARC}.9 NAME 'x'", INVALID_ATTRIBUTE_SYNTAX, "x"),
    ("attributeTypes", f"( {ARC}.9 NAME '9x' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )", INVALID_ATTRIBUTE_SYNTAX, "not a name"),
    ("attributeTypes", f"( {ARC}.9 NAME 'loose' )", CONSTRAINT_VIOLATION, "loose: has neither SYNTAX nor SUP"),
    ("attributeTypes", f"( {ARC}.9 NAME 'orphan' SUP nobody )", CONSTRAINT_VIOLATION, "orphan: superior nobody is not defined"),
    ("attributeTypes", [f"( {ARC}.9 NAME 'hen' SUP egg )", f"( {ARC}.10 NAME 'egg' SUP hen )"], CONSTRAINT_VIOLATION, "its own superior"),
    ("attributeTypes", f"( {ARC}.9 NAME 'MAIL' SUP name )", CONSTRAINT_VIOLATION, "name MAIL is taken by"),
    ("attributeTypes", f"( {ARC}.9 NAME 'odd' SYNTAX 1.2.3.4 )", CONSTRAINT_VIOLATION, "odd: SYNTAX 1.2.3.4"),
    ("attributeTypes", f"( {ARC}.9 NAME 'odd' EQUALITY none SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )", CONSTRAINT_VIOLATION, "no such matching rule"),
    ("attributeTypes", "( 2.5.4.3 NAME 'cn' SUP name )", ATTRIBUTE_OR_VALUE_EXISTS, ".schema:"),
    ("attributeTypes", [f"( {ARC}.9 NAME 'a' SUP name )", f"( {ARC}.9 NAME 'b' SUP name )"], ATTRIBUTE_OR_VALUE_EXISTS, "both define"),
    ("objectClasses", f"( {ARC}.9 NAME 'club' MUST nothing )", CONSTRAINT_VIOLATION, "club: MUST nothing"),
    ("objectClasses", f"( {ARC}.9 NAME 'club' SUP person AUXILIARY )", CONSTRAINT_VIOLATION, "kind"),
    ("dITContentRules", f"( {ARC}.9 NAME 'rule' )", CONSTRAINT_VIOLATION, "is not defined"),
    ("nameForms", f"( {ARC}.9 NAME 'form' OC person )", CONSTRAINT_VIOLATION, "form: has no MUST"),
    ("dITStructureRules", "( 1 NAME 'rule' FORM none )", CONSTRAINT_VIOLATION, "FORM none is not defined"),
    ("matchingRules", "( 2.5.13.2 NAME 'caseIgnoreMatch' )", UNWILLING_TO_PERFORM, "built in"),
    ("ldapSyntaxes", "( 1.2.3 DESC 'x' )", UNWILLING_TO_PERFORM, "built in"),
    ("matchingRuleUse", "( 2.5.13.2 APPLIES cn )", UNWILLING_TO_PERFORM, "built in"),
    ("description", "x", UNWILLING_TO_PERFORM, "attributeTypes"),
    ("entryUUID", "x", CONSTRAINT_VIOLATION, "no user modification"),
    ("nonesuch", "x", UNDEFINED_ATTRIBUTE_TYPE, "undefined"),
]


def test_what_is_wrong_is_refused_and_said(root):
    before = published(root, "attributeTypes"), published(root, "objectClasses")
    wrong = []
    for attribute, value, code, text in BROKEN:
        result = change(root, ("add", attribute, value))
        if result.code != code or text not in result.message:
            wrong.append((attribute, value, result))
    assert not wrong, "\n".join(map(str, wrong))
    assert change(root, ("delete", "attributeTypes", f"( {ARC}.77 )")).code == NO_SUCH_ATTRIBUTE
    refused = change(root, ("delete", "attributeTypes", "( 2.5.4.3 NAME 'cn' )"))
    assert refused.code == UNWILLING_TO_PERFORM and ".schema:" in refused.message
    assert change(root, ("delete", "attributeTypes", None)).code == UNWILLING_TO_PERFORM
    assert change(root, ("replace", "attributeTypes", BADGE)).code == UNWILLING_TO_PERFORM, "what files define stays"
    assert change(root, ("delete", "nameForms", None)).code == NO_SUCH_ATTRIBUTE
    assert (published(root, "attributeTypes"), published(root, "objectClasses")) == before


def test_only_the_root_identity_may(running, root):
    for dn, password in (("uid=ada.lovelace," + PEOPLE, "muster-sample"), (ADMIN_DN, ADMIN_PASSWORD)):
        with Client(running.url, dn, password) as client:
            assert change(client, ("add", "attributeTypes", BADGE)).code == INSUFFICIENT_ACCESS_RIGHTS
    with Client(running.url) as client:
        assert change(client, ("add", "attributeTypes", BADGE)).code != SUCCESS
    assert root.delete(SUBSCHEMA).code == UNWILLING_TO_PERFORM
    assert root.rename(SUBSCHEMA, "cn=other").code == UNWILLING_TO_PERFORM


def test_data_never_becomes_invalid(root):
    define(root)
    assert person(root, "one", badge=["A", "B"], seeAlso="floorNumber=4,dc=example").code == SUCCESS
    single = BADGE.replace("1.15 )", "1.15 SINGLE-VALUE )")
    other = BADGE.replace("caseIgnore", "caseExact")
    demanding = HOLDER.replace("MUST badge MAY floorNumber", "MUST ( badge $ floorNumber )")
    narrow = HOLDER.replace("MUST badge MAY floorNumber", "MUST floorNumber")
    for attribute, old, new, text in [
            ("attributeTypes", BADGE, single, "several values"), ("attributeTypes", BADGE, other, "compared in another way"),
            ("attributeTypes", BADGE, BADGE.replace("1.15", "1.26").replace("caseIgnore", "caseIgnoreIA5").replace(" ORDERING caseIgnoreIA5OrderingMatch", ""), "in use"),
            ("objectClasses", HOLDER, demanding, "requires attribute 'floorNumber'"), ("objectClasses", HOLDER, narrow, "cn=one"),
            ("objectClasses", HOLDER, HOLDER.replace("AUXILIARY", "STRUCTURAL"), "cn=one")]:
        result = change(root, ("delete", attribute, old), ("add", attribute, new))
        assert result.code == UNWILLING_TO_PERFORM and text in result.message, (new, result)
    result = change(root, ("replace", "objectClasses", None))
    assert result.code == UNWILLING_TO_PERFORM
    named = change(root, ("delete", "objectClasses", HOLDER), ("add", "objectClasses", HOLDER.replace(" MAY floorNumber", "")),
                   ("delete", "attributeTypes", FLOOR))
    assert named.code == UNWILLING_TO_PERFORM and "floornumber" in named.message, "a name that is a value has the type"
    assert root.modify(f"cn=one,{PEOPLE}", ("add", "floorNumber", "3"), ("replace", "badge", "A")).code == SUCCESS
    for attribute, old, new in [("attributeTypes", BADGE, single), ("objectClasses", HOLDER, demanding)]:
        result = change(root, ("delete", attribute, old), ("add", attribute, new))
        assert result.code == SUCCESS, result
    assert root.modify(f"cn=one,{PEOPLE}", ("add", "badge", "B")).code == CONSTRAINT_VIOLATION
    assert root.modify(f"cn=one,{PEOPLE}", ("delete", "floorNumber", None)).code == OBJECT_CLASS_VIOLATION


def test_what_settings_need_stays(tmp_path):
    schema = tmp_path / "more.schema"
    schema.write_text(f"attributetype {BADGE}\n")
    rules = tmp_path / "rules.access"
    rules.write_text("access to attrs=floorNumber by * none\naccess to * by users read by * auth\n")
    running = Muster(tmp_path / "server", ["--sample"]).start()
    try:
        with Client(running.url, ROOT_DN, ROOT_PASSWORD) as root:
            define(root)
        running.stop()
        running.arguments = ["--index", "badge eq,sub"] if "--index" in running.command("serve", "--help").stdout.decode() else []
        running.environment["MUSTER_ACCESS_FILE"] = str(rules)
        running.start()
        with Client(running.url, ROOT_DN, ROOT_PASSWORD) as root:
            without = change(root, ("delete", "objectClasses", HOLDER), ("delete", "attributeTypes", FLOOR))
            assert without.code == UNWILLING_TO_PERFORM and "floorNumber" in without.message, without
            if running.arguments:
                without = change(root, ("delete", "objectClasses", HOLDER), ("delete", "attributeTypes", BADGE))
                assert without.code == UNWILLING_TO_PERFORM and "index" in without.message, without
        running.stop()
        # A file that says the same takes over; one that says something else is named, with what it clashes with.
        running.environment["MUSTER_SCHEMA"] = str(schema)
        running.start()
        with Client(running.url, ROOT_DN, ROOT_PASSWORD) as root:
            assert published(root, "attributeTypes").count(BADGE) == 1
            assert change(root, ("delete", "objectClasses", HOLDER), ("delete", "attributeTypes", BADGE)).code == UNWILLING_TO_PERFORM
        running.stop()
        schema.write_text(f"attributetype {BADGE.replace('caseIgnore', 'caseExact')}\n")
        refused = running.command("check", "--data", running.data, check=False)
        assert refused.returncode != 0
        text = refused.stderr.decode()
        assert "badge" in text and "more.schema:1" in text and BADGE in text, text
    finally:
        running.stop()


def test_controls(root):
    result = change(root, ("add", "attributeTypes", BADGE), controls=[PreReadControl(True, ["attributeTypes"]), PostReadControl(True, ["attributeTypes"])])
    assert result.code == SUCCESS
    before, after = (result.control(f"1.3.6.1.1.13.{n}").entry["attributeTypes"] for n in (1, 2))
    assert BADGE.encode() not in before and BADGE.encode() in after and len(after) == len(before) + 1
    assert change(root, ("add", "attributeTypes", BADGE)).code == ATTRIBUTE_OR_VALUE_EXISTS
    permissive = control("1.2.840.113556.1.4.1413", True)
    assert change(root, ("add", "attributeTypes", BADGE), controls=[permissive]).code == SUCCESS
    assert change(root, ("delete", "objectClasses", HOLDER), controls=[permissive]).code == SUCCESS
    no_op = control("1.3.6.1.4.1.4203.1.10.2", True)
    assert change(root, ("delete", "attributeTypes", BADGE), controls=[no_op]).code == 16654
    assert BADGE in published(root, "attributeTypes")
    assert change(root, ("delete", "attributeTypes", BADGE), controls=[AssertionControl(True, "(cn=other)")]).code == ASSERTION_FAILED
    assert change(root, ("delete", "attributeTypes", BADGE), controls=[AssertionControl(True, "(cn=subschema)")]).code == SUCCESS
    assert BADGE not in published(root, "attributeTypes")


def test_rules_for_content_names_and_places(root):
    assert root.add(f"ou=unit,{PEOPLE}", {"objectClass": "organizationalUnit", "ou": "unit"}).code == SUCCESS
    rules = [("add", "dITContentRules", "( 2.5.6.14 NAME 'devices' NOT l )"),
             ("add", "nameForms", f"( {ARC}.20 NAME 'roomForm' OC room MUST cn )"), ("add", "dITStructureRules", "( 1 NAME 'rooms' FORM roomForm )")]
    assert change(root, *rules).code == SUCCESS
    assert root.add(f"cn=r,{PEOPLE}", {"objectClass": "room", "cn": "r"}).code == SUCCESS
    assert root.add(f"cn=d,{PEOPLE}", {"objectClass": "device", "cn": "d", "l": "here"}).code == OBJECT_CLASS_VIOLATION
    assert root.add(f"roomNumber=1,{PEOPLE}", {"objectClass": "room", "cn": "r", "roomNumber": "1"}).code == 64
    blocked = change(root, ("delete", "nameForms", f"( {ARC}.20 )"))
    assert blocked.code == CONSTRAINT_VIOLATION and "rooms: FORM roomForm" in blocked.message
    stricter = f"( {ARC}.20 NAME 'roomForm' OC room MUST roomNumber )"
    blocked = change(root, ("replace", "nameForms", stricter))
    assert blocked.code == UNWILLING_TO_PERFORM and "cn=r" in blocked.message
    assert change(root, ("delete", "dITStructureRules", None), ("delete", "nameForms", None), ("delete", "dITContentRules", None)).code == SUCCESS
    assert root.add(f"roomNumber=1,{PEOPLE}", {"objectClass": "room", "cn": "r", "roomNumber": "1"}).code == SUCCESS


def test_ldapmodify_commands_and_the_change_log(running, root, tmp_path):
    ldif = f"dn: {SUBSCHEMA}\nchangetype: modify\nadd: attributeTypes\nattributeTypes: {BADGE}\nattributeTypes: {FLOOR}\n-\n" \
           f"add: objectClasses\nobjectClasses: {HOLDER}\n-\n"
    run = subprocess.run(["ldapmodify", "-x", "-H", running.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD], input=ldif.encode(), capture_output=True)
    assert run.returncode == 0, run.stderr
    assert person(root, "one", badge="A 100").code == SUCCESS
    log = root.search("cn=changelog", "one", "(targetDN=cn=Subschema)", ["changes", "changeInitiatorsName"])
    assert log.code == SUCCESS and len(log.entries) == 1
    assert b"badgeHolder" in log.entries[0][1]["changes"][0] and b"carLicense" not in log.entries[0][1]["changes"][0]
    assert "badgeHolder" in running.command("changes", "--data", running.data).stdout.decode()

    exported = running.export()
    assert b"badge: A 100" in exported
    assert b"badge: A 100" in running.export("--filter", "(badge=a*)")
    running.check()
    backup = tmp_path / "backup.mdb"
    running.command("backup", "--data", running.data, backup)
    running.stop()
    running.command("reindex", "--data", running.data)
    running.check()
    running.start()
    with Client(running.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert found(client, "(badge=a*)") == ["one"]


def test_searches_and_changes_go_on_while_the_schema_changes(running, root):
    """Many connections search and write while definitions come and go: every answer is by one schema or another."""
    stop, wrong = threading.Event(), []

    def work(number):
        with Client(running.url, ROOT_DN, ROOT_PASSWORD) as client:
            turn = 0
            while not stop.is_set():
                turn += 1
                name = f"w{number}-{turn}"
                result = person(client, name, badge=name) if turn % 2 else client.add(
                    f"cn={name},{PEOPLE}", {"objectClass": "person", "cn": name, "sn": name})
                if result.code == SUCCESS:
                    again = client.search(PEOPLE, "sub", f"(cn={name})", ["*"])
                    if len(again.entries) != 1:
                        wrong.append(("missing", name, again))
                    if client.delete(f"cn={name},{PEOPLE}").code != SUCCESS:
                        wrong.append(("delete", name))
                elif result.code not in (INVALID_ATTRIBUTE_SYNTAX, UNDEFINED_ATTRIBUTE_TYPE, OBJECT_CLASS_VIOLATION):
                    wrong.append(result)
                result = client.search("", "sub", "(|(badge=*)(objectClass=badgeHolder)(cn=ada*))", ["*", "+"])
                if result.code != SUCCESS:
                    wrong.append(result)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    outcomes = set()
    for _ in range(25):
        outcomes.add(change(root, ("add", "attributeTypes", [BADGE, FLOOR]), ("add", "objectClasses", HOLDER)).code)
        outcomes.add(change(root, ("delete", "objectClasses", HOLDER), ("delete", "attributeTypes", [BADGE, FLOOR])).code)
    stop.set()
    for worker in workers:
        worker.join()
    assert not wrong, wrong[:5]
    assert SUCCESS in outcomes and outcomes <= {SUCCESS, UNWILLING_TO_PERFORM, ATTRIBUTE_OR_VALUE_EXISTS}
    assert running.alive()
    running.check()


def test_what_is_under_way_ends_as_it_began(running, root):
    """A persistent search goes on by its schema, and sends what has come since whole."""
    with Client(running.url, ROOT_DN, ROOT_PASSWORD) as listener:
        message = listener.connection.search_ext(
            PEOPLE, ldap.SCOPE_ONELEVEL, "(|(sn=listened)(badge=*))", ["*"], serverctrls=[PersistentSearchControl(True, changesOnly=True)])

        def heard(timeout):
            _, data, _, _, _, _ = listener.connection.result4(message, all=0, timeout=timeout, add_ctrls=1, add_extop=1)
            return [(dn, lower_keys(entry)) for dn, entry, _ in data or []]

        # It has begun when it tells of something.
        assert root.add(f"cn=begin,{PEOPLE}", {"objectClass": "person", "cn": "begin", "sn": "listened"}).code == SUCCESS
        for turn in range(100):
            assert root.modify(f"cn=begin,{PEOPLE}", ("replace", "description", str(turn))).code == SUCCESS
            try:
                while heard(0.2)[0][1].get("description") != [str(turn).encode()]:
                    pass
                break
            except ldap.TIMEOUT:
                continue
        define(root)
        assert person(root, "old", badge="A", sn="listened").code == SUCCESS
        assert root.modify(f"cn=old,{PEOPLE}", ("add", "description;lang-tlh", "new option")).code == SUCCESS
        assert person(root, "unseen", badge="B").code == SUCCESS
        seen = []
        while len(seen) < 2:    # what is left of the beginning is not meant
            seen += [found for found in heard(10) if not found[0].startswith("cn=begin,")]
    assert [dn.split(",")[0] for dn, _ in seen] == ["cn=old", "cn=old"], "its schema has no badge to find the other by"
    assert seen[0][1]["badge"] == [b"A"] and seen[1][1]["description;lang-tlh"] == [b"new option"]
