"""The disk refuses: changes are refused with a reason, reads go on, and when it takes them again so does the server."""
import time
from urllib.parse import quote

import pytest

from client import OTHER, SERVER_DOWN, SUCCESS, UNAVAILABLE, UNWILLING_TO_PERFORM, Client
from crew import Crew
from disk import Disk
from servers import ROOT_DN, ROOT_PASSWORD, Muster

PERSON = {"objectClass": "person", "sn": "Tester"}


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "disk")


@pytest.fixture
def failing(tmp_path, disk):
    """Starts a server on that disk."""
    servers = []

    def start(*arguments, **environment):
        server = Muster(tmp_path / "server", arguments, {**disk.environment, **environment})
        servers.append(server)
        top = tmp_path / "top.ldif"
        top.write_text("dn: dc=crash\nobjectClass: dcObject\nobjectClass: organization\ndc: crash\no: crash\n")
        server.load(top)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@pytest.mark.parametrize("durability", ["full", "group-interval 100"])
@pytest.mark.parametrize("how, code", [("n", UNWILLING_TO_PERFORM), ("e", OTHER), ("s", OTHER)])
def test_a_refused_change_is_answered_with_a_reason_and_service_resumes(failing, disk, durability, how, code):
    server = failing("--durability", durability)
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.add("cn=before,dc=crash", PERSON | {"cn": "before"}).code == SUCCESS
        time.sleep(0.3)
        disk.fail(how)
        if how == "s" and durability != "full":
            # The first change is confirmed, the sync that is due later fails, and from then on nothing more is confirmed.
            client.add("cn=unsynced,dc=crash", PERSON | {"cn": "unsynced"})
            time.sleep(0.3)
        for number in range(5):
            result = client.add(f"cn=refused{number},dc=crash", PERSON | {"cn": f"refused{number}"})
            assert result.code == code and len(result.message) > 20, result
            assert client.search("dc=crash", "sub", "(cn=before)").names == {"cn=before,dc=crash"}
            assert client.read(f"cn=refused{number},dc=crash").code == 32
        disk.mend()
        for number in range(5):
            assert client.add(f"cn=after{number},dc=crash", PERSON | {"cn": f"after{number}"}).code == SUCCESS
        assert client.add("cn=refused0,dc=crash", PERSON | {"cn": "refused0"}).code == SUCCESS
    assert b"no differences" in server.check().stdout
    assert server.stop() == 0


@pytest.mark.parametrize("how, codes", [("n", (UNWILLING_TO_PERFORM,)), ("q", (UNWILLING_TO_PERFORM,)), ("m", (UNWILLING_TO_PERFORM,)),
                                         ("e", (OTHER,)), ("s", (OTHER,))])
def test_under_load_what_was_confirmed_is_there(failing, disk, tmp_path, seed, how, codes):
    server = failing()
    crew = Crew(tmp_path / "journals", processes=2)
    try:
        crew.start(server.url, seed, patience=20)
        crew.warm(60)
        for _ in range(3):
            disk.fail(how)
            time.sleep(0.3)
            disk.mend()
            time.sleep(0.3)
        before = crew.succeeded()
        until = time.monotonic() + 30
        while crew.succeeded() < before + 40 and time.monotonic() < until:
            time.sleep(0.05)
        assert crew.succeeded() >= before + 40, "service has not resumed"
        assert server.alive(), server.log.read_text()[-2000:]
        server.kill()
        crew.stop()
        server.start()
        crew.verify(server.url, refusals=(*codes, UNAVAILABLE))
        assert b"no differences" in server.check().stdout
    finally:
        crew.stop()


def eventually(server, what):
    """A client for which that is true; the server takes one sooner or later."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            client = Client(server.url, ROOT_DN, ROOT_PASSWORD)
            if what(client):
                return client
        except AssertionError:
            pass
        time.sleep(0.05)
    raise AssertionError(server.log.read_text()[-2000:])


@pytest.mark.parametrize("durability", ["full", "group-interval 100", "none"])
def test_a_database_whose_meta_page_was_refused_is_opened_again(failing, disk, tmp_path, durability):
    """LMDB then refuses all that comes. Nobody has to start the server, and it listens where it did."""
    administration = f"ldapi://{quote(str(tmp_path / 'administration'), safe='')}"
    server = failing("--durability", durability, "--administration-listen", administration)
    names = {"dc=crash"}
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.add("cn=before,dc=crash", PERSON | {"cn": "before"}).code == SUCCESS
        names.add("cn=before,dc=crash")
        for number in range(3):
            disk.fail("m")
            result = client.add("cn=refused,dc=crash", PERSON | {"cn": "refused"})
            assert result.code in (UNWILLING_TO_PERFORM, UNAVAILABLE, SERVER_DOWN), result
            # It is read while the disk still refuses changes.
            eventually(server, lambda client: client.search("dc=crash", "sub").names == names)
            disk.mend()
            person = f"cn=after{number}"
            client = eventually(server, lambda client: client.add(f"{person},dc=crash", PERSON | {"cn": person[3:]}).code == SUCCESS)
            names.add(f"{person},dc=crash")
            assert client.search("dc=crash", "sub").names == names
            with Client(administration, ROOT_DN, ROOT_PASSWORD) as administrator:
                assert administrator.search("dc=crash", "sub").names == names
    server.kill()
    server.start()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.search("dc=crash", "sub").names == names
    assert server.stop() == 0
    assert b"no differences" in server.check().stdout


def test_a_full_map_refuses_what_has_no_room(failing):
    server = failing(MUSTER_MAP_SIZE=str(6 << 20))
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        added = []
        for number in range(4000):
            result = client.add(f"cn=big{number},dc=crash", PERSON | {"cn": f"big{number}", "description": "x" * 20000})
            if result.code != SUCCESS:
                break
            added.append(number)
        assert result.code == UNWILLING_TO_PERFORM and "mapSize" in result.message, result
        assert len(added) > 20
        assert len(client.search("dc=crash", "one", attributes=["1.1"]).entries) == len(added)
        # A delete needs room too: it is logged, and the entry is kept.
        assert client.delete("cn=big0,dc=crash").code in (SUCCESS, UNWILLING_TO_PERFORM)
        assert client.read("cn=big1,dc=crash").code == SUCCESS
    assert server.stop() == 0
    server.environment["MUSTER_MAP_SIZE"] = str(64 << 20)
    server.start()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        for number in added[1:10]:
            assert client.delete(f"cn=big{number},dc=crash").code == SUCCESS
        for number in range(5):
            assert client.add(f"cn=again{number},dc=crash", PERSON | {"cn": f"again{number}", "description": "y" * 20000}).code == SUCCESS
    assert b"no differences" in server.check().stdout


def test_a_large_change_without_room_costs_its_neighbours_nothing(failing, disk):
    """Pages are left for small changes, not for one that needs the file to grow."""
    server = failing()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        for number in range(30):
            assert client.add(f"cn=room{number},dc=crash", PERSON | {"cn": f"room{number}", "description": "x" * 30000}).code == SUCCESS
        for number in range(30):
            assert client.delete(f"cn=room{number},dc=crash").code == SUCCESS
        for number in range(3):
            client.modify("dc=crash", ("replace", "description", f"{number}"))
        disk.fail("q")
        connection = client.connection
        asked = []
        for number in range(40):
            size = 5_000_000 if number == 20 else 10
            asked.append(connection.add(f"cn=n{number},dc=crash", [("objectClass", [b"person"]), ("sn", [b"x"]), ("cn", [f"n{number}".encode()]),
                                                                   ("description", [b"z" * size])]))
        codes = []
        for message in asked:
            try:
                connection.result3(message)
                codes.append(SUCCESS)
            except Exception as error:
                codes.append(error.args[0]["result"])
        assert codes == [UNWILLING_TO_PERFORM if number == 20 else SUCCESS for number in range(40)]
        disk.mend()
    assert b"no differences" in server.check().stdout


def test_a_server_starts_and_reads_on_a_full_disk(failing, disk):
    server = failing()
    server.kill()
    disk.fail("n")
    server.start()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.read("dc=crash").code == SUCCESS
        assert client.add("cn=full,dc=crash", PERSON | {"cn": "full"}).code == UNWILLING_TO_PERFORM
        disk.mend()
        assert client.add("cn=full,dc=crash", PERSON | {"cn": "full"}).code == SUCCESS


@pytest.mark.parametrize("how", ["n", "e"])
def test_copies_that_cannot_be_written_leave_everything_as_it_was(failing, disk, tmp_path, how):
    """Backup, restore, import and reindex write copies."""
    server = failing()
    target = tmp_path / "backup.mdb"
    server.command("backup", "--data", server.data, target)
    server.kill()
    before = server.export()
    files = sorted(p.name for p in server.data.iterdir())
    more = tmp_path / "more.ldif"
    more.write_text("dn: cn=more,dc=crash\nobjectClass: person\ncn: more\nsn: more\n")
    disk.fail(how)
    for command in (["backup", "--replace", target], ["restore-backup", target], ["import", more], ["reindex"]):
        run = server.command(command[0], "--data", server.data, *command[1:], check=False, timeout=60)
        assert run.returncode == 1 and (b"No space left" if how == "n" else b"Input/output error") in run.stderr, (command, run)
    disk.mend()
    assert server.export() == before
    assert sorted(p.name for p in server.data.iterdir()) == files
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("backup")) == ["backup.mdb"]
    assert b"no differences" in server.check().stdout
