"""The program `muster`: serve, import, export, check; durability and the one-process rule; configuration errors."""
import base64
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from client import SUCCESS, Client
from conftest import HERE, generate
from servers import ROOT, ROOT_DN, ROOT_PASSWORD, Muster, muster_program

pytestmark = pytest.mark.muster
PEOPLE = HERE / "people.ldif"
TOP = """dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: example

"""


@pytest.fixture
def muster(tmp_path):
    server = Muster(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def small(muster, tmp_path):
    """A directory of a few entries, not served."""
    path = tmp_path / "small.ldif"
    path.write_text(TOP + "".join(f"dn: cn=p{i},dc=example\nobjectClass: person\ncn: p{i}\nsn: Person {i}\n\n" for i in range(50)))
    muster.load(path)
    return muster


def records(ldif):
    """LDIF as a sorted list of (name in lower case, sorted ["attribute: value", …]), unfolded and decoded, however it is written."""
    text = ldif.decode().replace("\r\n", "\n").replace("\n ", "")
    out = []
    for block in re.split(r"\n{2,}", text.strip()):
        lines = []
        for line in block.split("\n"):
            if line and not line.startswith(("#", "version:")):
                name, value = re.fullmatch(r"([^:]*):(.*)", line).groups()
                value = base64.b64decode(value[1:]).decode("utf-8", "backslashreplace") if value.startswith(":") else value.lstrip(" ")
                lines.append(f"{name.lower()}: {value}")
        if lines:
            out.append((lines[0][len("dn: "):].lower().replace("\\2c", "\\,"), sorted(lines[1:])))
    return sorted(out)


OPERATIONAL = ("structuralobjectclass", "entryuuid", "creatorsname", "createtimestamp", "entrycsn", "modifiersname", "modifytimestamp")


def without_operational(found):
    return [(dn, [line for line in lines if line.split(":")[0] not in OPERATIONAL]) for dn, lines in found]


# --- help ---------------------------------------------------------------------------------------------------------------

def test_help_and_version():
    for arguments in (["--help"], ["help", "serve"], ["serve", "--help"], ["import", "--help"], ["export", "--help"], ["check", "--help"]):
        run = subprocess.run([muster_program(), *arguments], capture_output=True, timeout=20)
        assert run.returncode == 0 and b"USAGE" in run.stdout.upper()
    run = subprocess.run([muster_program(), "--version"], capture_output=True, timeout=20)
    assert run.returncode == 0 and re.search(rb"\d+\.\d+", run.stdout)


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["import"], ["import", "--data"]])
def test_wrong_usage(arguments):
    run = subprocess.run([muster_program(), *arguments], capture_output=True, timeout=20)
    assert run.returncode != 0 and run.stderr


# --- serve --------------------------------------------------------------------------------------------------------------

def test_ready_lines_name_the_real_port(small):
    small.start()
    assert re.fullmatch(r"ldap://127\.0\.0\.1:[1-9]\d*/?", small.url)
    assert Client(small.url, ROOT_DN, ROOT_PASSWORD).whoami() == "dn:cn=config"
    assert Client(small.socket_url, ROOT_DN, ROOT_PASSWORD).whoami() == "dn:cn=config"


def test_sigterm_ends_with_status_zero(small):
    small.start()
    client = Client(small.url, ROOT_DN, ROOT_PASSWORD)
    assert small.stop() == 0
    assert client.whoami() != "dn:cn=config"
    with pytest.raises(OSError):
        socket.create_connection(small.address, 1)


def test_sigint_too(small):
    small.start()
    small.process.send_signal(signal.SIGINT)
    assert small.process.wait(20) == 0


def test_sigterm_lets_running_operations_end(small):
    """Whatever was answered with success is there afterwards; whatever was not may or may not be."""
    small.start()
    answered, stop = [], threading.Event()

    def write(worker):
        with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
            i = 0
            while not stop.is_set():
                i += 1
                if client.add(f"cn=w{worker}-{i},dc=example", {"objectClass": "person", "cn": f"w{worker}-{i}", "sn": "x"}).code != SUCCESS:
                    return
                answered.append(f"cn=w{worker}-{i},dc=example")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    assert small.stop() == 0
    stop.set()
    for t in threads:
        t.join()
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        there = client.search("dc=example", "one", attributes=["1.1"]).names
    assert set(answered) <= there and answered
    small.stop()
    small.check()


def test_killed_and_started_again(small):
    """A success that was sent is on disk."""
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        for i in range(100):
            assert client.add(f"cn=k{i},dc=example", {"objectClass": "person", "cn": f"k{i}", "sn": "x"}).code == SUCCESS
    small.kill()
    small.check()
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert len(client.search("dc=example", filter="(sn=x)", attributes=["1.1"]).entries) == 100


def test_changes_persist(small):
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        client.modify("cn=p1,dc=example", ("replace", "description", "kept"))
        client.rename("cn=p2,dc=example", "cn=renamed")
        client.delete("cn=p3,dc=example")
        before = sorted(client.search("", attributes=["*", "+"]).entries)
    assert small.stop() == 0
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert sorted(client.search("", attributes=["*", "+"]).entries) == before


def test_second_process_is_refused(small):
    small.start()
    for arguments in (["serve", "--data", small.data, "--listen", "ldap://127.0.0.1:0"], ["import", "--data", small.data, PEOPLE]):
        run = small.command(*arguments, check=False, timeout=20)
        assert run.returncode != 0
        assert re.search(rb"in use|another|already|lock", run.stderr + run.stdout, re.I), run.stderr
    assert small.alive()
    small.stop()
    small.start()


def test_address_in_use(small, tmp_path):
    small.start()
    other = Muster(tmp_path / "other")
    run = other.command("serve", "--data", other.data, "--listen", small.url, check=False, timeout=20)
    assert run.returncode != 0 and str(small.address[1]).encode() in run.stderr + run.stdout


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "ldap://127.0.0.1:notaport", "ldap://127.0.0.1:99999", "nonsense", "ldap://192.0.2.1:1389"])
def test_bad_listeners(muster, url):
    run = muster.command("serve", "--data", muster.data, "--listen", url, check=False, timeout=20)
    assert run.returncode != 0 and run.stderr


def test_new_directory_has_the_initial_tree(muster):
    """A data directory that does not exist yet: the entries of ldif/, and an administrator whose password is printed once."""
    muster.start()
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert {"cn=zimbra", "cn=admins,cn=zimbra", "uid=zimbra,cn=admins,cn=zimbra", "cn=config,cn=zimbra", "cn=cos,cn=zimbra", "cn=default,cn=cos,cn=zimbra"} \
            <= client.search("", attributes=["1.1"]).names
    muster.stop()
    muster.check()


def test_start_is_fast(small):
    started = time.monotonic()
    small.start()
    assert time.monotonic() - started < 2


# --- import ---------------------------------------------------------------------------------------------------------------

def test_round_trip_is_byte_identical(muster, tmp_path):
    """import → export → import → export: the same octets once sorted; and nothing lost from the source."""
    source = generate(tmp_path)
    muster.load(source)
    muster.load(PEOPLE)
    first = muster.export()
    again = Muster(tmp_path / "again")
    path = tmp_path / "first.ldif"
    path.write_bytes(first)
    again.load(path)
    second = again.export()
    assert sorted(first.split(b"\n\n")) == sorted(second.split(b"\n\n"))
    expected = records(source.read_bytes() + b"\n" + PEOPLE.read_bytes())
    assert without_operational(records(first)) == without_operational(expected)
    muster.check()
    again.check()


def test_the_initial_tree_and_the_sample(muster):
    muster.load(ROOT / "ldif" / "carbonio.ldif")
    muster.load(ROOT / "ldif" / "sample.ldif")
    muster.check()
    muster.start()
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        found = client.search("", filter="(&(objectClass=zimbraAccount)(objectClass=inetOrgPerson)(mail=*))", attributes=["displayName"]).entries
        assert len(found) >= 45
        assert len(client.search("", filter="(objectClass=zimbraDomain)").entries) >= 3
        assert len(client.search("", filter="(objectClass=zimbraCOS)").entries) >= 4


def test_children_before_parents(muster, tmp_path):
    entries = (TOP + "".join(f"dn: cn=p{i},ou=u{i % 3},dc=example\nobjectClass: person\ncn: p{i}\nsn: x\n\n" for i in range(30))
               + "".join(f"dn: ou=u{i},dc=example\nobjectClass: organizationalUnit\nou: u{i}\n\n" for i in range(3))).strip().split("\n\n")
    random.Random(3).shuffle(entries)
    path = tmp_path / "shuffled.ldif"
    path.write_text("\n\n".join(entries) + "\n")
    muster.load(path)
    assert len(records(muster.export())) == 34
    muster.check()


def test_added_to_what_is_there(small, tmp_path):
    path = tmp_path / "more.ldif"
    path.write_text("dn: cn=more,cn=p1,dc=example\nobjectClass: person\ncn: more\nsn: more\n")
    small.load(path)
    assert len(records(small.export())) == 52
    small.check()


def test_several_files_and_comments_and_folding(muster, tmp_path):
    one, two = tmp_path / "1.ldif", tmp_path / "2.ldif"
    one.write_bytes(b"version: 1\r\n# comment\r\n folded comment\r\ndn: dc=example\r\nobjectClass: dcObject\r\nobjectClass: organization\r\ndc: example\r\no: ex\r\n ample\r\n\r\n\r\n")
    two.write_text("dn:: Y249w6kgYSxkYz1leGFtcGxl\nobjectClass: person\ncn:: w6kgYQ==\nsn:x\ndescription: \ndescription:: IHg=\n")
    run = muster.command("import", "--data", muster.data, one, two, check=False)
    if run.returncode != 0:            # an empty Directory String is against RFC 4517
        assert b"description" in run.stderr
        two.write_text(two.read_text().replace("description: \n", ""))
        muster.load(one, two)
    assert [dn for dn, _ in records(muster.export())] == ["cn=é a,dc=example", "dc=example"]


BAD = [
    ("missing parent", "dn: cn=x,ou=nowhere,dc=example\nobjectClass: person\ncn: x\nsn: x\n", r"cn=x,ou=nowhere,dc=example", 1),
    ("unknown attribute", "dn: cn=ok,dc=example\nobjectClass: person\ncn: ok\nsn: x\n\ndn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn: x\nnope: 1\n", r"nope", 6),
    ("unknown class", "dn: cn=x,dc=example\nobjectClass: nope\ncn: x\n", r"nope|objectClass", 1),
    ("mandatory attribute", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\n", r"sn", 1),
    ("syntax", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn: x\nseeAlso: no name\n", r"seeAlso", 1),
    ("name", "dn: no name\nobjectClass: person\ncn: x\nsn: x\n", r"no name", 1),
    ("twice", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn: x\n\ndn: CN=X,dc=example\nobjectClass: person\ncn: x\nsn: x\n", r"(?i)cn=x,dc=example", 6),
    ("there already", "dn: cn=p1,dc=example\nobjectClass: person\ncn: p1\nsn: x\n", r"cn=p1,dc=example", 1),
    ("base64", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn:: !!!\n", r"(?i)base64", 4),
    ("no colon", "dn: cn=x,dc=example\nobjectClass: person\ncn x\nsn: x\n", r"", 3),
    ("no dn", "objectClass: person\ncn: x\nsn: x\n", r"(?i)dn", 1),
    ("file url", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn: x\ndescription:< file:///etc/passwd\n", r"", 5),
    ("unique mail", "dn: cn=x,dc=example\nobjectClass: inetOrgPerson\ncn: x\nsn: x\nmail: a@b.example\n\ndn: cn=y,dc=example\nobjectClass: inetOrgPerson\ncn: y\nsn: y\nmail: A@b.example\n", r"mail", 7),
    ("single value", "dn: cn=x,dc=example\nobjectClass: inetOrgPerson\ncn: x\nsn: x\ndisplayName: a\ndisplayName: b\n", r"displayName", 1),
    ("two values alike", "dn: cn=x,dc=example\nobjectClass: person\ncn: x\nsn: x\nsn: X\n", r"sn", 1),
]


@pytest.mark.parametrize("name,text,reason,line", BAD, ids=[b[0] for b in BAD])
def test_bad_input_is_explained_and_changes_nothing(small, tmp_path, name, text, reason, line):
    before = small.export()
    path = tmp_path / "bad.ldif"
    path.write_text("dn: cn=good,dc=example\nobjectClass: person\ncn: good\nsn: good\n\n" + text)
    run = small.command("import", "--data", small.data, path, check=False)
    said = (run.stderr + run.stdout).decode()
    assert run.returncode != 0, said
    found = re.search(r"bad\.ldif:(\d+)", said)
    assert found, said
    assert re.search(reason, said), said
    first, last = line + 5, line + 5 + text.count("\n")
    assert first <= int(found[1]) <= last, said
    assert small.export() == before
    small.check()


def test_file_that_is_not_there(small):
    run = small.command("import", "--data", small.data, "/nonexistent.ldif", check=False)
    assert run.returncode != 0 and b"nonexistent" in run.stderr + run.stdout


# --- export ---------------------------------------------------------------------------------------------------------------

def test_export_of_a_part(small):
    assert [dn for dn, _ in records(small.export("--base", "cn=p7,dc=example"))] == ["cn=p7,dc=example"]
    assert len(records(small.export("--filter", "(cn=p1*)"))) == 11
    assert len(records(small.export("--base", "dc=example", "--filter", "(|(cn=p1)(cn=p2))"))) == 2
    for arguments in (["--base", "dc=nowhere"], ["--base", "nonsense"], ["--filter", "((("]):
        run = small.command("export", "--data", small.data, *arguments, check=False)
        assert run.returncode != 0 and run.stderr


def test_export_while_the_server_runs(small):
    small.start()
    stop = threading.Event()

    def write():
        with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
            i = 0
            while not stop.is_set():
                i += 1
                client.modify("cn=p1,dc=example", ("replace", "description", f"state {i}"), ("replace", "telephoneNumber", str(i)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            found = dict(records(small.export()))
            assert len(found) == 51
            one = "\n".join(found["cn=p1,dc=example"])
            if "description" in one:
                assert re.search(r"description: state (\d+)", one)[1] == re.search(r"telephonenumber: (\d+)", one)[1], "one snapshot"
    finally:
        stop.set()
        writer.join()


def test_export_is_valid_for_slapadd_and_ourselves(small):
    assert all(lines for _, lines in records(small.export()))


# --- check --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", [1, 2, 3])
def test_check_is_clean_after_random_changes(muster, tmp_path, seed):
    """Adds, deletes, renames of leaves and subtrees, and modifications at random; then every index, name and count must agree."""
    muster.load(generate(tmp_path, accounts=60, domains=2, seed=seed))
    muster.start()
    source = random.Random(seed)
    base = "ou=people,dc=acme,dc=example"
    words = ["Anna", "Åsa", "Ελένη", "Łukasz", "straße", "x" * 700, "日本語", "a", "ab", "abc"]
    done = 0
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        names = [dn for dn, _ in client.search(base, "one", attributes=["1.1"]).entries]
        for i in range(800):
            kind, dn = source.random(), source.choice(names)
            word = source.choice(words)
            if kind < 0.25:
                parent = source.choice([base, dn])
                new = f"cn={i},{parent}"
                result = client.add(new, {"objectClass": "inetOrgPerson", "cn": [str(i), word], "sn": word, "givenName": word,
                                          "mail": f"r{source.randrange(300)}@x.example"})
                names += [new] if result.code == SUCCESS else []
            elif kind < 0.40:
                result = client.delete(dn)
                if result.code == SUCCESS:
                    names.remove(dn)
            elif kind < 0.55:
                superior = source.choice([None, base, source.choice(names)])
                rdn = dn.split(",")[0] + ("" if source.random() < 0.5 else "r")
                result = client.rename(dn, rdn, superior, delete_old=source.random() < 0.7)
                if result.code == SUCCESS:
                    new = f"{rdn},{superior or dn.split(',', 1)[1]}"
                    names = [new if n == dn else n[:-len(dn)] + new if n.endswith("," + dn) else n for n in names]
            else:
                change = source.choice([("replace", "displayName", word), ("add", "givenName", word), ("delete", "givenName", None),
                                        ("replace", "mail", f"m{source.randrange(300)}@x.example"), ("add", "description", [word, str(i)]),
                                        ("replace", "description", None), ("add", "cn", word), ("delete", "sn", word)])
                result = client.modify(dn, change)
            done += result.code == SUCCESS
        served = {dn.lower(): {k: sorted(v) for k, v in a.items()} for dn, a in client.search("", attributes=["*", "+"]).entries}
    assert done > 200
    muster.stop()
    muster.check()
    muster.start()
    with Client(muster.url, ROOT_DN, ROOT_PASSWORD) as client:
        again = {dn.lower(): {k: sorted(v) for k, v in a.items()} for dn, a in client.search("", attributes=["*", "+"]).entries}
    assert again == served


def test_check_of_what_is_no_directory(tmp_path):
    run = subprocess.run([muster_program(), "check", "--data", str(tmp_path / "nothing")], capture_output=True, timeout=20)
    assert run.returncode != 0 and run.stderr


def test_check_while_the_server_runs(small):
    small.start()
    small.check()


# --- configuration ----------------------------------------------------------------------------------------------------------

def test_root_password_from_a_file(small, tmp_path):
    file = tmp_path / "root-password"
    file.write_text("from a file\n")
    small.environment.pop("MUSTER_ROOT_PASSWORD")
    small.arguments = ["--root-password-file", str(file)]
    small.start()
    with Client(small.url) as client:
        assert client.bind(ROOT_DN, "from a file").code == SUCCESS
        assert client.bind(ROOT_DN, ROOT_PASSWORD).code == 49


def test_more_schema(small, tmp_path):
    file = tmp_path / "local.schema"
    file.write_text("attributetype ( 1.3.6.1.4.1.55555.1.1 NAME 'localColour' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
                    "objectclass ( 1.3.6.1.4.1.55555.2.1 NAME 'localThing' SUP top AUXILIARY MAY localColour )\n")
    small.arguments = ["--schema", str(file)]
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.modify("cn=p1,dc=example", ("add", "objectClass", "localThing"), ("add", "localColour", "Green")).code == SUCCESS
        assert client.search("", filter="(localColour=green)", attributes=["1.1"]).names == {"cn=p1,dc=example"}


def test_schema_errors_name_file_and_line(small, tmp_path):
    file = tmp_path / "broken.schema"
    file.write_text("# comment\nattributetype ( 1.3.6.1.4.1.55555.1.1 NAME 'x' SYNTAX 1.2.3.4.5.6 )\n")
    run = small.command("serve", "--data", small.data, "--listen", "ldap://127.0.0.1:0", "--schema", file, check=False, timeout=20)
    assert run.returncode != 0
    assert re.search(rb"broken\.schema:2", run.stderr + run.stdout), run.stderr


def configured(server, text):
    file = server.folder / "muster.json"
    file.write_text(text)
    server.arguments = ["--config", str(file)]
    return server.start()


def test_configured_limits(small):
    configured(small, '{"limits": {"searchSize": 7, "maximumAnonymousRequest": 2000}}')
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        client.add("cn=plain,dc=example", {"objectClass": "person", "cn": "plain", "sn": "x", "userPassword": "pw"})
        result = client.search("", size_limit=3, attributes=["1.1"])
        assert (result.code, len(result.entries)) == (4, 3)
    with Client(small.url, "cn=plain,dc=example", "pw") as client:
        result = client.search("", attributes=["1.1"])
        assert result.code in (4, 11) and len(result.entries) <= 7


def test_flags_over_environment_over_file(small):
    small.environment["MUSTER_LIMITS_SEARCH_SIZE"] = "5"
    configured(small, '{"limits": {"searchSize": 7}, "rootPassword": "of the file"}')
    with Client(small.url) as client:
        assert client.bind(ROOT_DN, "of the file").code == 49, "the environment has another"
        assert client.bind(ROOT_DN, ROOT_PASSWORD).code == SUCCESS


def test_configured_uniqueness(small):
    configured(small, '{"unique": ["telephoneNumber"], "indexes": ["telephoneNumber eq"]}')
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.modify("cn=p1,dc=example", ("add", "telephoneNumber", "+1 555")).code == SUCCESS
        assert client.modify("cn=p2,dc=example", ("add", "telephoneNumber", "+1-555")).code == 19


def test_index_added_later_is_built_while_the_server_runs(small):
    """Before, during and after: the same answers; afterwards the check knows it."""
    configured(small, '{"indexes": ["telephoneNumber eq,sub", "description pres"]}')
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        for i in range(50):
            assert client.modify(f"cn=p{i},dc=example", ("add", "telephoneNumber", f"+1 555 {i:04}")).code == SUCCESS
        assert client.search("", filter="(telephoneNumber=+15550017)", attributes=["1.1"]).names == {"cn=p17,dc=example"}
        assert len(client.search("", filter="(telephoneNumber=*555004*)", attributes=["1.1"]).entries) == 10
    small.stop()
    configured(small, '{"indexes": ["telephoneNumber eq,sub", "description pres", "sn eq,sub,pres"]}')
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        assert client.search("", filter="(sn=person 17)", attributes=["1.1"]).names == {"cn=p17,dc=example"}
        client.modify("cn=p17,dc=example", ("replace", "sn", "changed"))
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert client.search("", filter="(sn=changed)", attributes=["1.1"]).names == {"cn=p17,dc=example"}
            assert client.search("", filter="(sn=person 17)").entries == []
            assert len(client.search("", filter="(sn=person 1*)").entries) == 10
            time.sleep(0.2)
    small.stop()
    small.check()


@pytest.mark.parametrize("text", ["{", '{"limits": {"searchSize": "many"}}', '{"indexes": ["noSuchAttribute eq"]}', '{"indexes": ["cn nonsense"]}',
                                  '{"unique": ["noSuchAttribute"]}', '{"durability": "perhaps"}', '{"listen": ["ftp://x"]}'])
def test_bad_configuration_is_refused_with_a_reason(small, text):
    file = small.folder / "bad.json"
    file.write_text(text)
    listener = [] if "listen" in text else ["--listen", "ldap://127.0.0.1:0"]
    run = small.command("serve", "--data", small.data, "--config", file, *listener, check=False, timeout=20)
    assert run.returncode != 0 and run.stderr


def test_operation_log_in_the_form_of_slapd(small):
    log = small.folder / "operations.log"
    small.arguments = ["--log-level", "stats", "--log-file", str(log)]
    small.start()
    with Client(small.url, ROOT_DN, ROOT_PASSWORD) as client:
        client.search("dc=example", filter="(cn=p7)", attributes=["cn", "sn"])
        client.modify("cn=p7,dc=example", ("replace", "description", "x"))
        client.compare("cn=p7,dc=example", "sn", "x")
        client.rename("cn=p7,dc=example", "cn=q7")
        client.delete("cn=q7,dc=example")
        client.delete("cn=q7,dc=example")
        client.add("cn=new,dc=example", {"objectClass": "person", "cn": "new", "sn": "x"})
        client.bind(ROOT_DN, "a wrong password")
    small.stop()
    text = log.read_text()
    for pattern in (r"conn=\d+ fd=\d+ ACCEPT from IP=127\.0\.0\.1:\d+", r'conn=(\d+) op=0 BIND dn="cn=config" method=128', r"conn=\d+ op=0 RESULT tag=97 err=0 ",
                    r'conn=\d+ op=1 SRCH base="dc=example" scope=2 deref=0 filter="\(cn=p7\)"', r"conn=\d+ op=1 SRCH attr=cn sn",
                    r"conn=\d+ op=1 SEARCH RESULT tag=101 err=0 .*nentries=1", r'conn=\d+ op=2 MOD dn="cn=p7,dc=example"', r"conn=\d+ op=2 RESULT tag=103 err=0 ",
                    r'conn=\d+ op=3 CMP dn="cn=p7,dc=example" attr="sn"', r"conn=\d+ op=3 RESULT tag=111 err=5 ", r'conn=\d+ op=4 MODRDN dn="cn=p7,dc=example"',
                    r'conn=\d+ op=5 DEL dn="cn=q7,dc=example"', r"conn=\d+ op=6 RESULT tag=107 err=32 ", r'conn=\d+ op=7 ADD dn="cn=new,dc=example"',
                    r"conn=\d+ op=8 RESULT tag=97 err=49 ", r"conn=\d+ op=9 UNBIND", r"conn=\d+ fd=\d+ closed"):
        assert re.search(pattern, text), pattern + "\n" + text
    assert "a wrong password" not in text and ROOT_PASSWORD not in text


def test_no_log_by_default(small):
    small.start()
    Client(small.url, ROOT_DN, ROOT_PASSWORD).search("")
    small.stop()
    assert "conn=" not in small.log.read_text()
