"""Crash tests: a server under load is killed, its disk fails, its power is cut; then everything it confirmed must be there."""
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "ConformanceTests")]
os.environ["LDAPNOINIT"] = "1"
os.environ["LC_ALL"] = "C.UTF-8"

from crew import Crew  # noqa: E402
from servers import Muster  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=int(os.environ.get("CRASH_ROUNDS", 5)), help="how often the server is killed (5)")
    parser.addoption("--cuts", type=int, default=int(os.environ.get("CRASH_CUTS", 3)), help="power cuts in each durability (3)")
    parser.addoption("--soak", type=float, default=float(os.environ.get("CRASH_SOAK", 30)), help="seconds of the soak test (30)")
    parser.addoption("--seed", type=int, default=int(os.environ.get("CRASH_SEED", 1)), help="of operations and moments (1)")


@pytest.fixture
def seed(request):
    return request.config.getoption("--seed")


@pytest.fixture
def directory(tmp_path):
    """A directory with the top of the load's branches, not served."""
    server = Muster(tmp_path)
    top = tmp_path / "top.ldif"
    top.write_text("dn: dc=crash\nobjectClass: dcObject\nobjectClass: organization\ndc: crash\no: crash\n")
    server.load(top)
    yield server
    server.kill()


@pytest.fixture
def crew(tmp_path):
    crew = Crew(tmp_path / "journals")
    yield crew
    crew.stop()
