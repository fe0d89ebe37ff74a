"""A mixed load for a while: memory, file and reader table stay as large as they were early on. `--soak 600` for ten minutes."""
import random
import struct
import subprocess
import threading
import time

from client import Client
from servers import ROOT_DN, ROOT_PASSWORD, muster_program


def measure(server):
    lock = (server.data / "data.mdb-lock").read_bytes()[:20]
    # LMDB's reader table: magic, format, last transaction, slots in use so far.
    return {"memory KiB": server.resident_kib(), "file KiB": (server.data / "data.mdb").stat().st_size >> 10,
            "readers": struct.unpack_from("<I", lock, 16)[0], "files": len(list((server.folder / "fd").iterdir()))}


def read(server, ended, chance):
    while not ended.is_set():
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
            for _ in range(50):
                letters = "".join(chance.choice("0123456789abcdef") for _ in range(2))
                client.search("dc=crash", "sub", f"(|(cn=*{letters}*)(mail=*{letters}*))", size_limit=50)


def killed_reader(server):
    """A process that dies while it reads leaves its slot in the reader table, and the pages of its state."""
    process = subprocess.Popen([muster_program(), "check", "--data", str(server.data)], env=server.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    process.kill()
    process.wait()


def test_nothing_grows_under_a_mixed_load(directory, crew, seed, request):
    seconds = request.config.getoption("--soak")
    chance = random.Random(seed)
    # What is kept of the past is bounded by settings; here it reaches its bound early on.
    directory.environment.update(MUSTER_CHANGE_LOG_MAX_SIZE=str(2 << 20), MUSTER_DELETED_KEEP="2")
    directory.start()
    (directory.folder / "fd").symlink_to(f"/proc/{directory.pid}/fd")
    ended = threading.Event()
    readers = [threading.Thread(target=read, args=(directory, ended, random.Random(seed + i))) for i in range(2)]
    measured = []
    try:
        # Few entries in each branch: after a moment as many come as go.
        crew.start(directory.url, seed, room=12)
        for reader in readers:
            reader.start()
        begun = time.monotonic()
        crew.warm(16 * 40, timeout=120)
        until = max(begun + seconds, time.monotonic() + seconds / 2)
        while time.monotonic() < until:
            measured.append(measure(directory))
            if chance.random() < 0.3:
                killed_reader(directory)
            time.sleep(max(0.5, seconds / 60))
        measured.append(measure(directory))
    finally:
        ended.set()
        for reader in readers:
            if reader.is_alive():
                reader.join()
        crew.stop()
    early, late = measured[len(measured) // 3], measured[-1]
    told = "\n".join(map(str, measured))
    assert late["memory KiB"] < early["memory KiB"] * 1.5 + 16384, told
    assert late["file KiB"] < early["file KiB"] * 2 + 8192, told
    assert late["readers"] < 100, told
    assert late["files"] < early["files"] + 20, told
    assert b"no differences" in directory.check().stdout
    directory.stop()
