"""Starts the server under test once for the whole run, on generated data and the people of `people.ldif`."""
import itertools
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from client import Client  # noqa: E402
from servers import ADMIN_DN, ADMIN_PASSWORD, ORACLE, ROOT_DN, ROOT_PASSWORD, Muster, new_server, target  # noqa: E402

# The clients must not read a configuration of the machine.
os.environ["LDAPNOINIT"] = "1"
os.environ["LC_ALL"] = "C.UTF-8"


def pytest_configure(config):
    config.addinivalue_line("markers", "muster: what only Muster has (its program, its limits)")
    config.addinivalue_line("markers", "difference(reason): slapd answers otherwise, and why we do not follow")


def pytest_collection_modifyitems(items):
    if target() != "slapd":
        return
    for item in items:
        if item.get_closest_marker("muster"):
            item.add_marker(pytest.mark.skip(reason="only for muster"))
        elif mark := item.get_closest_marker("difference"):
            item.add_marker(pytest.mark.skip(reason="intended difference: " + mark.args[0]))


def generate(folder, accounts=150, domains=3, seed=1):
    """A Carbonio-shaped directory as LDIF."""
    path = pathlib.Path(folder) / f"generated-{accounts}-{domains}-{seed}.ldif"
    if not path.exists():
        arguments = ["--catalogue", os.environ["CATALOGUE"]] if os.environ.get("CATALOGUE") else []
        subprocess.run([sys.executable, str(ORACLE / "mkdata.py"), "--accounts", str(accounts), "--domains", str(domains),
                        "--seed", str(seed), "--out", str(path), *arguments], check=True, capture_output=True)
    return path


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def server(tmp_path_factory, generated):
    server = new_server(tmp_path_factory.mktemp("server"))
    server.load(generated, HERE / "people.ldif")
    server.start()
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        # Binds would stamp entries while tests compare them (rule 4.5.10: 0 is never).
        assert client.modify("cn=config,cn=zimbra", ("replace", "zimbraLastLogonTimestampFrequency", "0")).code == 0
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A server of the sample organisation, whose service identities have passwords; tests leave it as it was."""
    server = Muster(tmp_path_factory.mktemp("sample"), ["--sample"]).start()
    server.passwords = {name: name + " secret" for name in ("zmpostfix", "zmamavis", "zmnginx")}
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        for name, password in server.passwords.items():
            client.connection.passwd_s(f"uid={name},cn=appaccts,cn=zimbra", None, password)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def root_of_sample(sample):
    with Client(sample.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


@pytest.fixture
def change_sample(root_of_sample):
    """Replaces values of an entry of the sample until the test ends."""
    before = []

    def replace(dn, **attributes):
        entry = root_of_sample.read(dn).only
        for name, values in attributes.items():
            before.append((dn, name, entry.get(name)))
            result = root_of_sample.modify(dn, ("replace", name, values))
            assert result.code == 0, result

    yield replace
    for dn, name, values in reversed(before):
        assert root_of_sample.modify(dn, ("replace", name, values)).code == 0


@pytest.fixture(autouse=True)
def still_alive(request):
    """No test may bring the shared server down."""
    yield
    for name in ("server", "sample"):
        if name in request.fixturenames:
            assert request.getfixturevalue(name).alive(), "the server is gone"


@pytest.fixture
def connect(server):
    """Makes connections; closes them at the end."""
    clients = []

    def make(dn=None, password=None, url=None):
        client = Client(url or server.url, dn, password)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def root(server):
    with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


@pytest.fixture(scope="session")
def admin(server):
    with Client(server.url, ADMIN_DN, ADMIN_PASSWORD) as client:
        yield client


@pytest.fixture(scope="session")
def user(server):
    """An ordinary account: Ada of people.ldif."""
    with Client(server.url, "uid=ada,ou=conformance,dc=acme,dc=example", "lovelace") as client:
        yield client


@pytest.fixture(scope="session")
def anonymous(server):
    with Client(server.url) as client:
        yield client


PEOPLE = "ou=conformance,dc=acme,dc=example"
counter = itertools.count(1)


@pytest.fixture
def branch(root):
    """An empty container of the test's own."""
    dn = f"ou=scratch{next(counter)},dc=acme,dc=example"
    result = root.add(dn, {"objectClass": "organizationalUnit", "ou": dn[3:].split(",")[0]})
    assert result.code == 0, result
    yield dn
    root.remove_tree(dn)


@pytest.fixture
def person(root, branch):
    """An inetOrgPerson of the test's own."""
    dn = "cn=Grace Hopper," + branch
    result = root.add(dn, {"objectClass": "inetOrgPerson", "cn": ["Grace Hopper", "Amazing Grace"], "sn": "Hopper",
                           "description": ["admiral", "compiler"], "telephoneNumber": "+1 555 0100"})
    assert result.code == 0, result
    return dn
