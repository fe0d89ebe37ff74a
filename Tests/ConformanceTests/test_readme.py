"""The README's things to try, pasted one after the other into a shell beside a server of the sample organisation."""
import re
import subprocess

import pytest

from servers import ADMIN_PASSWORD, ROOT, Muster, muster_program

pytestmark = pytest.mark.muster

# What one must see after each thing, by words of its title: (texts in the output, exit statuses of the commands that end otherwise than 0).
# ldapcompare ends with 6 for TRUE; what is meant to be refused ends with the result code.
EXPECTED = {
    "Look an address up": (["zimbraMailDeliveryAddress: ada.lovelace@example.com", "zimbraMailTransport: lmtp:mail.example.com:7025"], []),
    "Search the address book": (["mail: bjorn.aasen@example.com", "mail: gudrun.bjornsdottir@example.com", "mail: kaethe.strauss@example.com",
                                 "cn: Room Thames", "mail: management@example.com"], []),
    "Complete two letters": (["mail: olga.ivanova@example.com", "mail: taro.tanaka@example.com"], []),
    "Who is on this list?": (["member: uid=olga.ivanova,ou=people,dc=example,dc=com", "memberOf: cn=engineering,cn=groups,dc=example,dc=com",
                              "memberOf: uid=all,ou=people,dc=example,dc=com", "dn: uid=ming.li,ou=people,dc=example,dc=com", "TRUE"], [6]),
    "Whose value is this?": (["zimbraMailQuota: 21474836480", "musterInheritedFrom: zimbraMailQuota cn=business,cn=cos,cn=zimbra",
                              "dn: uid=ada.lovelace,ou=people,dc=example,dc=com\nzimbraMailQuota: 42949672960",
                              "dn: uid=taro.tanaka,ou=people,dc=example,dc=com\nzimbraMailQuota: 42949672960",
                              "dn: uid=last.one,ou=people,dc=former,dc=example\nzimbraAccountStatus: active"], []),
    "Add an account": (["adding new entry", "cn: engineering"], [19]),
    "Change it": (["title: Rear Admiral", "modifiersName: uid=zimbra,cn=admins,cn=zimbra"], [122]),
    "Set her password": (["dn:uid=grace.hopper,ou=people,dc=example,dc=com"], []),
    "Move her": (["entryDN: uid=grace.hopper,ou=people,dc=example,dc=org"], []),
    "Browse what the server says": (["supportedControl: ", "NAME 'zimbraMailQuota'"], []),
    "See the last changes": (["changetype: modify", "newsuperior: ou=people,dc=example,dc=org", "lastChangeNumber: ", "targetDN: uid=grace.hopper"], []),
    "Get a deleted account back": (["lastKnownName: uid=grace.hopper,ou=people,dc=example,dc=org", "mail: grace.hopper@example.com",
                                    "zimbraId: 5f0f2d1e-6d43-4c3b-9a55-0a4f1d0c7b11", "displayName: "], []),
    "Export and check": (["dn: uid=meeting-hall,ou=people,dc=example,dc=org"], []),
}


def things():
    """(title, commands) of each, and the lines that prepare the shell."""
    text = (ROOT / "README.md").read_text()
    section = re.search(r"^## Things to try\n(.*?)^## ", text, re.M | re.S)[1]
    preparation, *rest = re.split(r"^(?=\*\*\d+\. )", section, flags=re.M)
    block = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
    found = []
    for number, part in enumerate(rest, 1):
        title = re.match(r"\*\*(\d+)\. (.*?)\*\*", part)
        assert int(title[1]) == number, f"{title[0]} is number {number}"
        found.append((title[2], "".join(block.findall(part))))
    return "".join(block.findall(preparation)), found


PREPARATION, THINGS = things()


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """What came of each thing: {title: (output, exit statuses other than 0)}."""
    server = Muster(tmp_path_factory.mktemp("readme"), ["--sample"], {"MUSTER_ADMINISTRATOR_PASSWORD": ADMIN_PASSWORD}).start()
    assert "ldap://127.0.0.1:1389" in PREPARATION and "ADMIN=…" in PREPARATION
    prepare = PREPARATION.replace("ldap://127.0.0.1:1389", server.url).replace("ADMIN=…", f"ADMIN={ADMIN_PASSWORD}")
    # Here the clients do read their environment.
    environment = {name: value for name, value in server.environment.items() if name != "LDAPNOINIT"}
    results = {}
    for title, commands in THINGS:
        # The program and its data are elsewhere, and the server that runs is not started again.
        commands = re.sub(r"^scripts/serve .*$", "", commands, flags=re.M)
        commands = commands.replace(".build/release/muster", muster_program()).replace("--data data", f"--data {server.data}")
        script = prepare + "trap 'echo \"status $?\" >&2' ERR\n" + commands
        run = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
                             stdin=subprocess.DEVNULL)
        statuses = [int(s) for s in re.findall(r"^status (\d+)$", run.stderr, re.M)]
        results[title] = (run.stdout + run.stderr, statuses)
    yield results
    assert server.alive()
    server.stop()


@pytest.mark.parametrize("title", [title for title, _ in THINGS])
def test_thing(tour, title):
    output, statuses = tour[title]
    known = [expected for words, expected in EXPECTED.items() if words in title]
    assert len(known) == 1, f"what comes of \"{title}\" is not known here"
    texts, wanted = known[0]
    assert statuses == wanted, output
    for text in texts:
        assert text in output, output


def test_none_is_missing():
    assert [words for words in EXPECTED if not any(words in title for title, _ in THINGS)] == []
