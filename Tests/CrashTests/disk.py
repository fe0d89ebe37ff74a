"""The disk of a server under test: it fails on command, and its power can be cut. See faults.c."""
from __future__ import annotations

import pathlib
import random
import struct
import subprocess
import uuid

HERE = pathlib.Path(__file__).parent
PAGE = 4096


class Disk:
    files = ["data.mdb", "data.mdb-synced", "data.mdb-wal-0", "data.mdb-wal-1", "data.mdb.new", "backup.mdb.partial"]

    def __init__(self, folder, logged=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        library = self.folder / "faults.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(HERE / "faults.c"), "-ldl", "-lpthread"], check=True)
        self.control, self.boot, self.log = self.folder / "control", self.folder / "boot", self.folder / "log"
        self.mend()
        self.restart()
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_FILES": ":".join(self.files), "FAULTS_CONTROL": str(self.control),
                            "FAULTS_BOOT": str(self.boot)}
        if logged:
            self.environment["FAULTS_LOG"] = str(self.log)

    def fail(self, how):
        """`n`: no space for writes, `q`: none to grow, `m`: none for LMDB's meta pages, `e`: writes and syncs fail, `s`: syncs fail."""
        with open(self.control, "r+b" if self.control.exists() else "wb") as f:
            f.write(how.encode() + b"   ")

    def mend(self):
        self.fail("-")

    def restart(self):
        """The machine starts again."""
        self.boot.write_text(f"{uuid.uuid4()}\n")

    def cut_power(self, data, chance: random.Random):
        """Gives each page that no sync has made lasting one of the contents that it had since. To be called when the server is dead.
        How many pages were put back."""
        # What was in a page before each write since it was last made lasting; and how many of them were there when it was last written out.
        versions, written = {}, {}
        log = self.log.read_bytes()
        at = 0
        while at + 14 <= len(log):
            kind, file, offset, length = struct.unpack_from("<cBQI", log, at)
            at += 14
            if kind == b"S":
                versions = {key: value for key, value in versions.items() if key[0] != file}
                written = {key: value for key, value in written.items() if key[0] != file}
            elif kind in b"OB" and at + length <= len(log):
                size, = struct.unpack_from("<Q", log, at)
                for page in range(offset // PAGE * PAGE, offset + size, PAGE):
                    if (file, page) in versions:
                        written[file, page] = len(versions[file, page])
                if kind == b"B":
                    for key in [key for key in written if key[0] == file]:
                        del versions[key][:written.pop(key)]
                        if not versions[key]:
                            del versions[key]
            elif at + length <= len(log):
                versions.setdefault((file, offset), []).append(log[at:at + length])
            at += length
        # Sometimes the disk has written nearly nothing, sometimes nearly all.
        inclination = chance.choice([0.05, 0.5, 0.9])
        undone = 0
        for (file, offset), contents in versions.items():
            path = pathlib.Path(data) / self.files[file - 1]
            if not path.exists() or chance.random() < inclination:
                continue
            with open(path, "r+b") as f:
                f.seek(offset)
                f.write(chance.choice(contents))
            undone += 1
        self.log.unlink()
        self.restart()
        return undone
