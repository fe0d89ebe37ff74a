"""The power is cut: pages that no sync had made lasting are on the disk in any of the versions they had, or not at all."""
import random
import time

import pytest

from crew import Crew
from disk import Disk
from servers import Muster


def cut(tmp_path, seed, cuts, durability, interval):
    chance = random.Random(seed)
    disk = Disk(tmp_path / "disk", logged=True)
    server = Muster(tmp_path / "server", ["--durability", durability], disk.environment)
    top = tmp_path / "top.ldif"
    top.write_text("dn: dc=crash\nobjectClass: dcObject\nobjectClass: organization\ndc: crash\no: crash\n")
    server.load(top)
    crew = Crew(tmp_path / "journals")
    undone = lost = answered = 0
    try:
        server.start()
        for number in range(cuts):
            crew.start(server.url, seed * 1000 + number)
            crew.warm(100)
            time.sleep(0.5 * chance.random())
            server.kill()
            killed = time.monotonic()
            crew.wait()
            answered += crew.answered()
            undone += disk.cut_power(server.data, chance)
            server.start()
            checked = server.command("check", "--data", server.data, check=False)
            assert checked.returncode == 0, f"after cut {number}: " + checked.stdout.decode()[-3000:] + checked.stderr.decode()[-3000:]
            lost += crew.verify(server.url, durable_until=None if interval is None else killed - interval)
    finally:
        crew.stop()
        server.kill()
    return undone, lost, answered


def test_full_loses_nothing(tmp_path, seed, request):
    cuts = request.config.getoption("--cuts")
    undone, lost, answered = cut(tmp_path, seed, cuts, "full", None)
    assert lost <= 16 * cuts and answered > 100
    # Pages of the database reach the disk later than the log of changes: they are what was put back.
    assert undone > 0, "nothing was put back: the test shows nothing"


def test_group_interval_loses_the_last_moment_only(tmp_path, seed, request):
    cuts = request.config.getoption("--cuts")
    # A checkpoint is due 200 ms after the first change that it holds, and takes its time itself.
    undone, lost, answered = cut(tmp_path, seed, cuts, "group-interval 200", 0.6)
    assert undone > 0 and answered > 100, "nothing was put back: the test shows nothing"


def test_the_shim_tells_good_from_bad(tmp_path, seed):
    """Without syncs the same cut does damage or loses much: the two above are not in vain."""
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            _, lost, _ = cut(folder, seed + attempt, 1, "none", 3600)
        except AssertionError:
            return
        if lost > 100:
            return
    pytest.fail("six power cuts without any sync, and nothing was lost")
