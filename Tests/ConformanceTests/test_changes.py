"""The change log, deleted entries and going back in time (semantics section 12): cn=changelog, cn=deleted, `muster changes`, `show`, `restore`."""
import json
import re
import subprocess
import time
import uuid

import pytest

from client import (ENTRY_ALREADY_EXISTS, INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION,
                    UNWILLING_TO_PERFORM, Client, control)
from servers import ADMIN_DN, ADMIN_PASSWORD, ROOT_DN, ROOT_PASSWORD, Muster, muster_program

pytestmark = pytest.mark.muster

SHOW_DELETED = "1.2.840.113556.1.4.417"
TREE_DELETE = "1.2.840.113556.1.4.805"
PEOPLE = "ou=people,dc=example,dc=com"
ADA = "uid=ada.lovelace," + PEOPLE
TARO = "uid=taro.tanaka," + PEOPLE
OLGA = "uid=olga.ivanova," + PEOPLE


def deleted():
    return [control(SHOW_DELETED, True)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A sample organisation of its own, with Carbonio's access rules."""
    server = Muster(tmp_path_factory.mktemp("changes"), ["--sample", "--admin-password-file", "admin"], rules="carbonio")
    (server.folder / "admin").write_text(ADMIN_PASSWORD + "\n")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def boss(place):
    with Client(place.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


def last(client):
    return int(client.read("", ["lastChangeNumber"]).only["lastChangeNumber"][0])


def since(client, number, *filters):
    found = client.search("cn=changelog", "one", f"(&(changeNumber>={number}){''.join(filters)})")
    assert found.code == SUCCESS, found
    return [entry for _, entry in found.entries]


def find_deleted(client, filter):
    found = client.search("cn=deleted", "one", filter, ["*", "+"], controls=deleted())
    assert found.code == SUCCESS, found
    return found.entries


def account(uid, **more):
    return {"objectClass": ["inetOrgPerson", "zimbraAccount", "amavisAccount"], "uid": uid, "cn": uid, "sn": uid,
            "zimbraMailDeliveryAddress": uid + "@example.com", "mail": [uid + "@example.com"], "zimbraAccountStatus": "active", "zimbraId": str(uuid.uuid4()),
            **more}


def test_changes_are_entries(boss):
    number = last(boss) + 1
    assert boss.modify(ADA, ("replace", "title", "Countess")).code == SUCCESS
    assert boss.rename(TARO, "uid=t.tanaka").code == SUCCESS
    assert boss.rename("uid=t.tanaka," + PEOPLE, "uid=taro.tanaka").code == SUCCESS
    first, second, third = since(boss, number)
    assert first["changeType"] == [b"modify"] and first["targetDN"] == [ADA.encode()]
    assert b"replace: title\ntitle: Countess\n-\n" in first["changes"][0]
    assert first["changeInitiatorsName"] == [b"cn=config"] and len(first["targetEntryUUID"][0]) == 36
    assert second["changeType"] == [b"modrdn"] and second["newRDN"] == [b"uid=t.tanaka"] and second["deleteOldRDN"] == [b"TRUE"]
    assert [int(e["changeNumber"][0]) for e in (first, second, third)] == [number, number + 1, number + 2]
    one = boss.read(f"changeNumber={number},cn=changelog").only
    assert one["changes"] == first["changes"]
    assert boss.read(f"changeNumber={number + 100},cn=changelog").code == NO_SUCH_OBJECT
    assert len(boss.search("cn=changelog", "one", f"(changeNumber={number})").entries) == 1
    assert [int(e["changeNumber"][0]) for e in since(boss, 1, f"(changeNumber<={number - 1})")] == list(range(1, number))


def test_pages_of_changes(boss):
    from ldap.controls import SimplePagedResultsControl
    for n in range(7):
        assert boss.modify(ADA, ("replace", "title", str(n))).code == SUCCESS
    number, cookie, seen = last(boss) - 6, "", []
    while True:
        page = boss.search("cn=changelog", "sub", f"(changeNumber>={number})", controls=[SimplePagedResultsControl(True, 3, cookie)])
        assert page.code == SUCCESS
        seen += [int(e["changeNumber"][0]) for _, e in page.entries]
        cookie = page.control("1.2.840.113556.1.4.319").cookie
        if not cookie:
            break
    assert seen == list(range(number, number + 7))


def test_who_may_look(place, boss):
    """A user does not see the log nor what was deleted; an administrator sees both, and secrets only as in the entries."""
    with Client(place.url, ADA, "muster-sample") as user:
        assert user.search("cn=changelog", "one").code == INSUFFICIENT_ACCESS_RIGHTS
        assert user.search("cn=deleted", "one", controls=deleted()).code == INSUFFICIENT_ACCESS_RIGHTS
        assert user.rename("entryUUID=x,cn=deleted", "uid=x", PEOPLE, controls=deleted()).code in (INSUFFICIENT_ACCESS_RIGHTS, 34)
    with Client(place.url) as anonymous:
        assert anonymous.search("cn=changelog", "one").code == NO_SUCH_OBJECT
    with Client(place.url, ADMIN_DN, ADMIN_PASSWORD) as admin:
        assert admin.search("cn=changelog", "one", "(changeNumber>=2)").code == SUCCESS


def test_readers_of_the_log_see_what_the_rules_let_them(tmp_path):
    """changeLog.readers: each line of a change is judged as the attribute of the entry is."""
    rules = tmp_path / "rules"
    rules.write_text('to attrs=userPassword by anonymous auth by * none\nto attrs=description by * none\nto * by users read\n')
    configuration = tmp_path / "muster.json"
    configuration.write_text(json.dumps({"changeLog": {"readers": [OLGA]}}))
    server = Muster(tmp_path / "server", ["--sample", "--config", str(configuration)], rules=rules).start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
            root.password(OLGA, None, "olga")
            number = last(root) + 1
            assert root.modify(ADA, ("replace", "description", "secret"), ("replace", "title", "open"),
                               ("replace", "userPassword", "hidden")).code == SUCCESS
            assert b"hidden" in since(root, number)[0]["changes"][0]
        with Client(server.url, OLGA, "olga") as reader:
            text = since(reader, number)[0]["changes"][0]
            assert b"title: open" in text and b"secret" not in text and b"hidden" not in text and b"userPassword" not in text
    finally:
        server.stop()


def test_nothing_can_be_written_there(boss):
    assert boss.add("cn=x,cn=changelog", {"objectClass": "device", "cn": "x"}).code == UNWILLING_TO_PERFORM
    assert boss.delete("changeNumber=1,cn=changelog").code == UNWILLING_TO_PERFORM


def test_muster_changes(place, boss):
    number = last(boss) + 1
    boss.modify(ADA, ("replace", "title", ["Größe"]))
    boss.add("uid=new," + PEOPLE, account("new"))
    boss.delete("uid=new," + PEOPLE)
    text = place.command("changes", "--data", place.data, "--from", number).stdout.decode()
    assert text.count("changetype:") == 3 and "title:: R3LDtsOfZQ==" in text.replace("\n ", "") and "entryUUID" not in text
    assert re.search(rf"# change {number} at \d{{14}}\.\d{{6}}Z by cn=config\ndn: {ADA}\nchangetype: modify\n", text)
    assert "entryUUID" in place.command("changes", "--data", place.data, "--from", number, "--operational").stdout.decode()
    below = place.command("changes", "--data", place.data, "--from", number, "--base", "uid=NEW," + PEOPLE).stdout.decode()
    assert below.count("changetype:") == 2
    assert "changetype" not in place.command("changes", "--data", place.data, "--since", "2199-01-01").stdout.decode()
    assert place.command("changes", "--data", place.data, "--since", "soon", check=False).returncode == 1


def test_changes_can_be_made_elsewhere(place, boss, tmp_path):
    """What `muster changes` writes, ldapmodify makes again."""
    number = last(boss) + 1
    boss.add("uid=replay," + PEOPLE, account("replay", description=["one", "two"]))
    boss.modify("uid=replay," + PEOPLE, ("delete", "description", ["one"]), ("add", "title", "x"))
    boss.rename("uid=replay," + PEOPLE, "uid=replayed")
    text = place.command("changes", "--data", place.data, "--from", number).stdout
    boss.delete("uid=replayed," + PEOPLE)
    run = subprocess.run(["ldapmodify", "-x", "-H", place.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD], input=text, capture_output=True)
    assert run.returncode == 0, run.stderr
    entry = boss.read("uid=replayed," + PEOPLE).only
    assert entry["description"] == [b"two"] and entry["title"] == [b"x"]
    boss.delete("uid=replayed," + PEOPLE)


def test_following(place, boss):
    process = subprocess.Popen([muster_program(), "changes", "--data", place.data, "--from", str(last(boss) + 1), "--follow"],
                               env=place.environment, stdout=subprocess.PIPE)
    try:
        time.sleep(1)
        boss.modify(ADA, ("replace", "title", "followed"))
        until, text = time.monotonic() + 20, b""
        import os
        import select
        while b"followed" not in text and time.monotonic() < until:
            if select.select([process.stdout], [], [], 1)[0]:
                text += os.read(process.stdout.fileno(), 65536)
        assert b"title: followed" in text
    finally:
        process.kill()
        process.wait()


def test_deleted_entries_are_found_by_who_asks(boss):
    """12.6: kept whole, below cn=deleted, with the control."""
    dn = "uid=gone," + PEOPLE
    assert boss.add(dn, account("gone", title="Lost", userPassword="secret")).code == SUCCESS
    before = boss.read(dn, ["*", "+"]).only
    assert boss.delete(dn).code == SUCCESS
    assert boss.search("cn=deleted", "one").code == NO_SUCH_OBJECT
    (name, entry), = find_deleted(boss, "(uid=gone)")
    assert name == "entryUUID=" + before["entryUUID"][0].decode() + ",cn=deleted"
    for attribute in ("title", "mail", "userPassword", "zimbraMailDeliveryAddress", "createTimestamp", "entryUUID"):
        assert entry[attribute] == before[attribute]
    assert entry["isDeleted"] == [b"TRUE"] and entry["lastKnownName"] == [dn.encode()] and entry["lastKnownParent"] == [PEOPLE.encode()]
    assert entry["deletedBy"] == [b"cn=config"] and len(entry["deletedTime"][0]) == 15
    assert boss.read(name, ["uid"], controls=deleted()).only == {"uid": [b"gone"]}
    assert boss.rename(name, "uid=gone", PEOPLE).code != SUCCESS
    # Forgotten for good.
    assert boss.delete(name, controls=deleted()).code == SUCCESS
    assert find_deleted(boss, "(uid=gone)") == []
    assert boss.delete(name, controls=deleted()).code == NO_SUCH_OBJECT


def test_restored_by_one_modify_dn(place, boss):
    """12.1, 12.2: with its uuid and zimbraId; 12.5: without sessions and locks."""
    dn = "uid=back," + PEOPLE
    zid = "11111111-2222-4333-8444-555555555501"
    boss.add(dn, account("back", zimbraId=zid, zimbraAuthTokens="1|2|3", title="Phoenix"))
    boss.modify(dn, ("replace", "zimbraAccountStatus", "lockout"), ("replace", "zimbraPasswordLockoutLockedTime", "20260102030405Z"))
    before = boss.read(dn, ["*", "+"]).only
    boss.delete(dn)
    (name, _), = find_deleted(boss, "(uid=back)")
    result = boss.rename(name, "uid=back", PEOPLE, controls=deleted())
    assert result.code == SUCCESS, result
    after = boss.read(dn, ["*", "+"]).only
    for attribute in ("entryUUID", "zimbraId", "title", "mail", "createTimestamp", "creatorsName"):
        assert after[attribute] == before[attribute]
    assert after["zimbraAccountStatus"] == [b"active"] and "zimbraAuthTokens" not in after and "zimbraPasswordLockoutLockedTime" not in after
    assert after["entryCSN"] > before["entryCSN"] and find_deleted(boss, "(uid=back)") == []
    assert boss.rename(name, "uid=back", PEOPLE, controls=deleted()).code == NO_SUCH_OBJECT
    boss.delete(dn)
    # Without a new superior: where it was.
    (name, _), = find_deleted(boss, "(uid=back)")
    assert boss.rename(name, "uid=back", controls=deleted()).code == SUCCESS
    boss.delete(dn)


def test_restored_to_a_new_name_with_a_new_identity(boss):
    """12.1: the original is untouched; 8.1.4: the address follows the name."""
    dn, zid = "uid=twin," + PEOPLE, "11111111-2222-4333-8444-555555555502"
    boss.add(dn, account("twin", zimbraId=zid, zimbraMailAlias="t.win@example.com", mail=["twin@example.com", "t.win@example.com"]))
    boss.delete(dn)
    (name, _), = find_deleted(boss, "(uid=twin)")
    boss.add(dn, account("twin", zimbraId=zid, zimbraMailAlias="t.win@example.com", mail=["twin@example.com", "t.win@example.com"]))
    assert boss.rename(name, "uid=twin", PEOPLE, controls=deleted()).code in (ENTRY_ALREADY_EXISTS, 19)
    result = boss.rename(name, "uid=twin2", PEOPLE, controls=deleted())
    assert result.code == SUCCESS, result
    copy = boss.read("uid=twin2," + PEOPLE).only
    assert copy["zimbraId"] != [zid.encode()] and copy["mail"] == [b"twin2@example.com"] and copy["cn"] == [b"twin2"]
    assert copy["zimbraMailDeliveryAddress"] == [b"twin2@example.com"] and "zimbraMailAlias" not in copy
    assert boss.read(dn).only["zimbraId"] == [zid.encode()]
    for uid in ("twin", "twin2"):
        boss.delete(f"uid={uid},{PEOPLE}")


def test_what_refers_to_it_comes_back(place, boss):
    """12.3: alias entries, memberships of lists, grants, as the mail system takes them away before it deletes an account."""
    dn, zid = "uid=cascade," + PEOPLE, "11111111-2222-4333-8444-555555555503"
    other = "uid=grantor," + PEOPLE
    alias, group, club = "uid=casc," + PEOPLE, "uid=casclist," + PEOPLE, "cn=cascclub," + PEOPLE
    boss.add(dn, account("cascade", zimbraId=zid, zimbraMailAlias="casc@example.com", mail=["cascade@example.com", "casc@example.com"]))
    boss.add(alias, {"objectClass": "zimbraAlias", "uid": "casc", "zimbraAliasTargetId": zid, "zimbraId": zid[:-1] + "4"})
    boss.add(group, {"objectClass": ["zimbraDistributionList", "zimbraMailRecipient"], "uid": "casclist", "mail": "casclist@example.com",
                     "zimbraId": zid[:-1] + "5", "zimbraMailForwardingAddress": ["casc@example.com", "cascade@example.com", "x@y.example"],
                     "zimbraMailStatus": "enabled"})
    boss.add(club, {"objectClass": "groupOfNames", "cn": "cascclub", "member": [dn, ADA]})
    boss.add(other, account("grantor", zimbraACE=[f"{zid} usr viewFreeBusy", f"{zid[:-1]}9 usr viewFreeBusy"]))
    with Client(place.url, ADMIN_DN, ADMIN_PASSWORD) as admin:
        for change in ((group, "zimbraMailForwardingAddress", ["casc@example.com", "cascade@example.com"]),
                       (dn, "zimbraMailAlias", ["casc@example.com"]), (dn, "mail", ["casc@example.com"]),
                       (club, "member", [dn]), (other, "zimbraACE", [f"{zid} usr viewFreeBusy"])):
            assert admin.modify(change[0], ("delete", *change[1:])).code == SUCCESS
        assert admin.delete(alias).code == SUCCESS
        assert admin.delete(dn).code == SUCCESS
    (name, _), = find_deleted(boss, "(uid=cascade)")
    result = boss.rename(name, "uid=cascade", PEOPLE, controls=deleted())
    assert result.code == SUCCESS and result.message == "", result
    assert set(boss.read(dn).only["mail"]) == {b"cascade@example.com", b"casc@example.com"}
    assert boss.read(dn).only["zimbraMailAlias"] == [b"casc@example.com"]
    assert boss.read(alias).only["zimbraAliasTargetId"] == [zid.encode()]
    assert len(boss.read(group).only["zimbraMailForwardingAddress"]) == 3
    assert len(boss.read(club, ["member"]).only["member"]) == 2 and len(boss.read(other).only["zimbraACE"]) == 2
    # One operation in the log.
    assert len({e["changeOperation"][0] for e in since(boss, last(boss) - 4)}) == 1
    for name in (alias, dn, group, club, other):
        assert boss.delete(name).code == SUCCESS


def test_what_the_server_itself_took_away_comes_back(boss):
    """Rules 7.13, 10.9: grants, aliases and the choice of members go with an entry, and come back with it."""
    dn, zid = "uid=carried," + PEOPLE, "11111111-2222-4333-8444-555555555520"
    other, alias = "uid=giver," + PEOPLE, "uid=carr," + PEOPLE
    boss.add(dn, account("carried", zimbraId=zid, zimbraMailAlias="carr@example.com", mail=["carried@example.com", "carr@example.com"]))
    boss.add(alias, {"objectClass": "zimbraAlias", "uid": "carr", "zimbraAliasTargetId": zid, "zimbraId": zid[:-1] + "1"})
    boss.add(other, account("giver", zimbraACE=[f"{zid} usr sendAs", f"{zid[:-1]}9 usr sendAs"]))
    assert boss.delete(dn).code == SUCCESS
    assert boss.read(alias).code == NO_SUCH_OBJECT and boss.read(other).only["zimbraACE"] == [f"{zid[:-1]}9 usr sendAs".encode()]
    assert len({e["changeOperation"][0] for e in since(boss, last(boss) - 2)}) == 1
    (name, _), = find_deleted(boss, "(uid=carried)")
    result = boss.rename(name, "uid=carried", PEOPLE, controls=deleted())
    assert result.code == SUCCESS and result.message == "", result
    assert boss.read(alias).only["zimbraAliasTargetId"] == [zid.encode()] and len(boss.read(other).only["zimbraACE"]) == 2

    group, gid = "cn=carriers,cn=groups,dc=example,dc=com", "11111111-2222-4333-8444-555555555530"
    boss.add(group, {"objectClass": ["groupOfURLs", "dgIdentityAux", "zimbraGroup"], "cn": "carriers", "zimbraId": gid,
                     "mail": "carriers@example.com", "zimbraMailAlias": "carriers@example.com", "zimbraIsACLGroup": "TRUE",
                     "memberURL": f"ldap:///??sub?(|(zimbraMemberOf={gid})(zimbraId={gid[:-1]}1))"})
    boss.add("cn=external," + group, {"objectClass": "zimbraGroupStaticUnit", "cn": "external", "zimbraId": gid[:-1] + "1", "zimbraGroupId": gid})
    for name in (dn, other):
        assert boss.modify(name, ("add", "zimbraMemberOf", gid)).code == SUCCESS
    assert boss.modify(other, ("add", "zimbraACE", f"{gid} grp viewFreeBusy")).code == SUCCESS
    assert boss.delete(group, controls=[control(TREE_DELETE, True)]).code == SUCCESS
    assert boss.search("", "sub", f"(zimbraMemberOf={gid})", attributes=["1.1"]).names == set()
    assert len(boss.read(other).only["zimbraACE"]) == 2
    (name, _), = find_deleted(boss, "(cn=carriers)")
    result = boss.rename(name, "cn=carriers", controls=deleted())
    assert result.code == SUCCESS and result.message == "", result
    assert boss.read(group, ["member"]).only["member"] and boss.read("cn=external," + group).code == SUCCESS
    assert boss.search("", "sub", f"(zimbraMemberOf={gid})", attributes=["1.1"]).names == {dn, other}
    assert len(boss.read(other).only["zimbraACE"]) == 3
    assert boss.delete(group, controls=[control(TREE_DELETE, True)]).code == SUCCESS
    for name in (dn, other):
        assert boss.delete(name).code == SUCCESS


def test_what_cannot_come_back_is_reported(boss):
    """12.3: a class of service that has gone, an address that somebody else has."""
    dn, cos = "uid=partly," + PEOPLE, "cn=shortlived,cn=cos,cn=zimbra"
    boss.add(cos, {"objectClass": "zimbraCOS", "cn": "shortlived", "zimbraId": "11111111-2222-4333-8444-555555555506"})
    boss.add(dn, account("partly", zimbraCOSId="11111111-2222-4333-8444-555555555506", zimbraMailAlias="p@example.com",
                         mail=["partly@example.com", "p@example.com"]))
    boss.delete(dn)
    boss.delete(cos)
    boss.add("uid=p," + PEOPLE, account("p"))
    (name, _), = find_deleted(boss, "(uid=partly)")
    result = subprocess.run(
        ["ldapmodrdn", "-v", "-x", "-H", boss.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD, "-e", "!" + SHOW_DELETED, "-r", "-s", PEOPLE, name,
         "uid=partly"], capture_output=True, text=True)
    assert result.returncode == 0, result
    said = result.stdout + result.stderr
    assert "restored, except: " in said and "p@example.com, which another entry has" in said and "zimbraCOSId" in said, said
    after = boss.read(dn).only
    assert after["mail"] == [b"partly@example.com"] and "zimbraMailAlias" not in after and "zimbraCOSId" not in after
    for uid in ("p", "partly"):
        boss.delete(f"uid={uid},{PEOPLE}")


def test_trees_come_back_in_one_operation(boss):
    top = "ou=tree,dc=example,dc=com"
    boss.add(top, {"objectClass": "organizationalUnit", "ou": "tree"})
    boss.add("ou=a," + top, {"objectClass": "organizationalUnit", "ou": "a"})
    boss.add("uid=leaf,ou=a," + top, account("leaf"))
    # It went before, by itself: it does not come back with the tree.
    boss.add("ou=b," + top, {"objectClass": "organizationalUnit", "ou": "b"})
    boss.delete("ou=b," + top)
    identity = boss.read("uid=leaf,ou=a," + top, ["entryUUID"]).only["entryUUID"]
    assert boss.delete(top, controls=[control(TREE_DELETE, True)]).code == SUCCESS
    (name, _), = find_deleted(boss, "(&(ou=tree)(isDeleted=TRUE))")
    (leaf, _), = find_deleted(boss, "(uid=leaf)")
    assert boss.rename(leaf, "uid=leaf", controls=deleted()).code == NO_SUCH_OBJECT      # what it stood below is gone
    assert boss.rename(name, "ou=wood", "dc=example,dc=org", controls=deleted()).code == SUCCESS
    found = boss.search("ou=wood,dc=example,dc=org", "sub", attributes=["entryUUID"])
    assert found.names == {"ou=wood,dc=example,dc=org", "ou=a,ou=wood,dc=example,dc=org", "uid=leaf,ou=a,ou=wood,dc=example,dc=org"}
    assert identity in [e["entryUUID"] for _, e in found.entries]
    assert boss.delete("ou=wood,dc=example,dc=org", controls=[control(TREE_DELETE, True)]).code == SUCCESS


def test_schema_and_uniqueness_hold(boss):
    dn = "uid=strict," + PEOPLE
    boss.add(dn, account("strict"))
    boss.delete(dn)
    boss.add("uid=thief," + PEOPLE, account("thief", mail=["strict@example.com"]))
    (name, _), = find_deleted(boss, "(uid=strict)")
    taken = boss.rename(name, "uid=strict", PEOPLE, controls=deleted())
    assert taken.code == 19 and "strict@example.com" in taken.message
    assert boss.rename(name, "uid=strict", "ou=nowhere,dc=example,dc=com", controls=deleted()).code == NO_SUCH_OBJECT
    assert boss.rename(name, "nonsense=x", PEOPLE, controls=deleted()).code not in (SUCCESS, 80)
    assert find_deleted(boss, "(uid=strict)")
    boss.delete("uid=thief," + PEOPLE)
    assert boss.rename(name, "uid=strict", PEOPLE, controls=deleted()).code == SUCCESS
    boss.delete(dn)


def test_the_control_is_not_for_everything(boss):
    assert boss.modify(ADA, ("replace", "title", "x"), controls=deleted()).code == UNAVAILABLE_CRITICAL_EXTENSION
    assert SHOW_DELETED.encode() in boss.read("", ["supportedControl"]).only["supportedControl"]


def test_show_and_restore_as_at_a_moment(tmp_path):
    server = Muster(tmp_path / "past", ["--sample"]).start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
            root.add("uid=early," + PEOPLE, account("early", description="there"))
            root.modify(ADA, ("replace", "title", "before"))
            identity = root.read(OLGA, ["entryUUID"]).only["entryUUID"]
            time.sleep(1.1)
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            time.sleep(1.1)
            root.modify(ADA, ("replace", "title", "after"), ("delete", "ou", None))
            root.rename(TARO, "uid=someone.else")
            root.delete(OLGA)
            root.delete("uid=early," + PEOPLE)
            root.add("uid=late," + PEOPLE, account("late"))
            shown = server.command("show", "--data", server.data, "--at", moment, ADA).stdout.decode()
            assert "title: before" in shown and "ou: " in shown
            tree = server.command("show", "--data", server.data, "--at", moment, "--subtree", PEOPLE).stdout.decode()
            assert "description: there" in tree and f"dn: {TARO}\n" in tree and "dn: " + OLGA in tree and "uid=late" not in tree
            assert server.command("show", "--data", server.data, "--at", "2001-01-01", ADA, check=False).returncode == 1
            assert server.command("show", "--data", server.data, "--at", moment, "uid=late," + PEOPLE, check=False).returncode == 1
            busy = server.command("restore", "--data", server.data, "--at", moment, ADA, check=False)
            assert busy.returncode == 75 and b"in use" in busy.stderr
        server.stop()
        done = server.command("restore", "--data", server.data, "--at", moment, "--subtree", PEOPLE).stdout.decode()
        # Olga has an alias, which went with her.
        assert done.startswith("restored: 3 came back, 2 changed"), done
        assert server.check().returncode == 0
        server.start()
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as root:
            assert root.read(ADA).only["title"] == [b"before"] and "ou" in root.read(ADA).only
            assert root.read(TARO).code == SUCCESS and root.read("uid=someone.else," + PEOPLE).code == NO_SUCH_OBJECT
            assert root.read(OLGA, ["entryUUID"]).only["entryUUID"] == identity
            assert root.read("uid=early," + PEOPLE).only["description"] == [b"there"]
            assert root.read("uid=late," + PEOPLE).code == SUCCESS
            assert find_deleted(root, "(uid=*)") == []
    finally:
        server.kill()


def test_log_and_deleted_entries_are_whole(place, boss):
    assert place.check().returncode == 0
