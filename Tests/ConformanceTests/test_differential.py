"""Generated searches and changes against Debian's slapd and against the server under test, bounded: see differential.py."""
import os

import pytest

import adversarial
import differential
from client import Client
from conftest import generate
from servers import ROOT_DN, ROOT_PASSWORD, Slapd, new_server, target


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_equal_to_slapd(tmp_path, seed):
    data = generate(tmp_path, accounts=100, domains=3, seed=seed)
    adversarial.write(tmp_path / "adversarial.ldif", seed)
    reference = Slapd(tmp_path / "reference", rules="none")
    # slapd knows nothing of inheritance and of what goes with a change.
    other = new_server(tmp_path / "other", **({"rules": "none"} if target() == "slapd" else {"environment": differential.PLAIN}))
    try:
        for server in (reference, other):
            server.load(data, tmp_path / "adversarial.ldif")
            server.start()
        with Client(reference.url, ROOT_DN, ROOT_PASSWORD) as a, Client(other.url, ROOT_DN, ROOT_PASSWORD) as b:
            report = differential.run(a, b, seed, operations=int(os.environ.get("DIFFERENTIAL_OPERATIONS", 2500)))
    finally:
        reference.stop()
        other.stop()
    assert not report.differences, f"seed {seed}\n{report}"
    if target() == "muster":
        other.check()


def test_the_generator_is_deterministic():
    entries = [(f"cn=e{i},dc=example", {"cn": [f"e{i}".encode()], "mail": [f"e{i}@example".encode()]}) for i in range(20)]
    first, second = (differential.Generator(7, entries) for _ in range(2))
    assert [str(first.next()) for _ in range(300)] != []
    again = differential.Generator(7, entries)
    assert [str(second.next().arguments) for _ in range(300)] == [str(again.next().arguments) for _ in range(300)]
