"""`muster backup`, `restore-backup` and `reindex`."""
import os
import threading

import pytest

from client import SUCCESS, Client
from servers import ROOT_DN, ROOT_PASSWORD, Muster

pytestmark = pytest.mark.muster


@pytest.fixture
def muster(tmp_path):
    server = Muster(tmp_path / "server", ["--sample"])
    server.command("init", "--data", server.data, "--sample")
    yield server
    server.kill()


def refused(run, *words):
    text = (run.stdout + run.stderr).decode()
    assert run.returncode != 0, text
    for word in words:
        assert word in text, text
    return run


def test_a_backup_is_one_moment_of_a_directory_in_use(muster, tmp_path):
    muster.start()
    target = tmp_path / "backup.mdb"
    ended = threading.Event()
    added = []

    def write():
        with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
            while not ended.is_set():
                dn = f"cn=during{len(added)},dc=example,dc=com"
                assert client.add(dn, {"objectClass": "person", "cn": f"during{len(added)}", "sn": "x"}).code == SUCCESS
                added.append(dn)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(added) < 10:
            assert thread.is_alive()
        before = len(added)
        said = muster.command("backup", "--data", muster.data, target).stdout.decode()
    finally:
        ended.set()
        thread.join()
    assert "checked" in said
    assert sorted(os.listdir(tmp_path)) == ["backup.mdb", "server"]
    other = Muster(tmp_path / "other")
    other.command("restore-backup", "--data", other.data, target)
    assert b"no differences" in other.check().stdout
    other.start()
    with Client(other.url, ROOT_DN, ROOT_PASSWORD) as client:
        found = [dn for dn in added if client.read(dn).code == SUCCESS]
        # A moment: those before it, none after it.
        assert len(found) >= before and found == added[:len(found)]
        assert client.add("cn=later,dc=example,dc=com", {"objectClass": "person", "cn": "later", "sn": "x"}).code == SUCCESS
    other.stop()


def test_a_backup_replaces_nothing_unless_told(muster, tmp_path):
    target = tmp_path / "backup.mdb"
    target.write_text("mine")
    refused(muster.command("backup", "--data", muster.data, target, check=False), "exists")
    assert target.read_text() == "mine"
    muster.command("backup", "--data", muster.data, "--replace", target)
    assert target.stat().st_size > 4096
    refused(muster.command("backup", "--data", muster.data, tmp_path / "no" / "folder", check=False), "No such file")


def test_restoring_keeps_what_was_there_unless_told(muster, tmp_path):
    target = tmp_path / "backup.mdb"
    muster.command("backup", "--data", muster.data, target)
    muster.start()
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.add("cn=lost,dc=example,dc=com", {"objectClass": "person", "cn": "lost", "sn": "x"}).code == SUCCESS
    assert refused(muster.command("restore-backup", "--data", muster.data, target, check=False), "in use").returncode == 75
    muster.stop()
    with_it = muster.export()
    said = muster.command("restore-backup", "--data", muster.data, target).stdout.decode()
    kept = muster.data / "data.mdb.before-restore"
    assert str(kept) in said and kept.exists()
    assert b"cn=lost" not in muster.export()
    # The old one is whole: it is itself a backup.
    muster.command("restore-backup", "--data", muster.data, "--discard-old", kept)
    assert muster.export() == with_it
    assert sorted(p.name for p in muster.data.iterdir() if p.name.startswith("data.mdb.")) == ["data.mdb.before-restore"]


def test_what_is_no_backup_is_refused(muster, tmp_path):
    before = muster.export()
    for name, content in (("text", b"x" * 20000), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        refused(muster.command("restore-backup", "--data", muster.data, tmp_path / name, check=False))
    refused(muster.command("restore-backup", "--data", muster.data, tmp_path / "none", check=False), "no file")
    good = tmp_path / "good"
    muster.command("backup", "--data", muster.data, good)
    (tmp_path / "cut").write_bytes(good.read_bytes()[:40960])
    refused(muster.command("restore-backup", "--data", muster.data, tmp_path / "cut", check=False))
    assert muster.export() == before


def test_all_indexes_are_made_anew_offline(muster):
    before = muster.export()
    muster.command("reindex", "--data", muster.data)
    assert muster.export() == before
    assert b"no differences" in muster.check().stdout
    muster.start()
    assert refused(muster.command("reindex", "--data", muster.data, check=False), "in use").returncode == 75
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.search("", "sub", "(mail=ada@example.com)").names == {"uid=ada.lovelace,ou=people,dc=example,dc=com"}
        assert client.add("cn=new,dc=example,dc=com", {"objectClass": "person", "cn": "new", "sn": "x"}).code == SUCCESS


def test_one_index_is_mended_by_the_server_that_runs(muster):
    for start in (False, True):
        if start:
            muster.start()
        said = muster.command("reindex", "--data", muster.data, "--index", "mail", "--index", "cn").stdout.decode()
        assert said == "mail: no differences\ncn: no differences\n"
        run = refused(muster.command("reindex", "--data", muster.data, "--index", "noSuch", "--index", "description", check=False))
        assert run.stdout.decode() == "noSuch: the schema has no such attribute type\ndescription: description is not indexed\n"
    assert b"no differences" in muster.check().stdout
