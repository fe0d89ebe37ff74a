"""Processes of clients, and what they know."""
from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import sys
import time

import load
from client import SUCCESS, Client
from servers import ROOT_DN, ROOT_PASSWORD

HERE = pathlib.Path(__file__).parent


class Crew:
    """Lanes of clients, some in each process. What a lane's branch held when the load began is in a file beside its journal."""

    def __init__(self, folder, processes=4, lanes=4):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.groups = [range(p * lanes, (p + 1) * lanes) for p in range(processes)]
        self.lanes = [lane for group in self.groups for lane in group]
        self.before = {lane: {} for lane in self.lanes}
        self.running = []

    def path(self, lane):
        return self.folder / f"load-{lane}"

    def start(self, url, seed, seconds=3600, pause=0.0, room=400, patience=0.0):
        for lane in self.lanes:
            self.path(lane).unlink(missing_ok=True)
            pathlib.Path(f"{self.path(lane)}.state").write_text(json.dumps(self.before[lane]))
        environment = dict(os.environ, LOAD_PAUSE=str(pause), LOAD_ROOM=str(room), LOAD_PATIENCE=str(patience))
        self.running = [
            subprocess.Popen([sys.executable, str(HERE / "load.py"), url, str(seed), str(seconds), str(self.folder / "load"),
                              *map(str, group)], env=environment, stdin=subprocess.DEVNULL)
            for group in self.groups]

    def warm(self, count=60, timeout=30):
        """Until the clients are at work: so many operations were answered, and every lane has made its branch."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            lines = [self.path(lane).read_bytes().count(b"\n") if self.path(lane).exists() else 0 for lane in self.lanes]
            if sum(lines) >= 2 * count and min(lines) >= 8:
                return
            time.sleep(0.02)
        raise AssertionError(f"the clients had fewer than {count} answers in {timeout} s")

    def wait(self, timeout=60):
        """Until all clients have ended: they do when the server is gone."""
        for process in self.running:
            process.wait(timeout)
        self.running = []

    def stop(self):
        for process in self.running:
            process.kill()
            process.wait()
        self.running = []

    def steps(self, lane):
        return load.Journal(self.path(lane)).read()

    def answered(self):
        """How many operations were answered."""
        return sum(1 for lane in self.lanes for step in self.steps(lane) if step[3] is not None)

    def succeeded(self):
        """How many changes were confirmed."""
        return sum(1 for lane in self.lanes for step in self.steps(lane) if step[3] == SUCCESS)

    def verify(self, url, refusals=(), durable_until=None):
        """Holds the directory against the journals: each branch is as its answered operations made it, the one without an answer
        done wholly or not at all. What is there is what the next load begins with.

        refusals: codes that answers may have; such an operation must have changed nothing.
        durable_until: changes answered later than that may be missing, the latest first.
        """
        problems, lost = [], 0
        with Client(url, ROOT_DN, ROOT_PASSWORD) as client:
            for lane in self.lanes:
                found = load.read(client, lane)
                steps = self.steps(lane)
                model = copy.deepcopy(self.before[lane])
                # Every state that the branch may be in, the earliest first.
                allowed = []
                for number, (operation, _, answered, code, message) in enumerate(steps):
                    late = durable_until is not None and (answered is None or answered > durable_until)
                    if code is None or late:
                        allowed.append(copy.deepcopy(model))
                    if code is None:
                        assert number == len(steps) - 1, f"lane {lane}: only its last operation may be without an answer"
                    elif code not in (SUCCESS, *refusals):
                        problems.append(f"lane {lane}: {operation} was refused: {code} {message}")
                    if code in (None, SUCCESS):
                        load.apply(model, operation)
                allowed.append(model)
                if found in allowed:
                    lost += len(allowed) - 1 - max(i for i, state in enumerate(allowed) if state == found)
                else:
                    problems.append(f"lane {lane}: " + difference(allowed[-1], found))
                self.before[lane] = found
        assert not problems, "\n".join(problems[:20])
        return lost


def difference(wanted, found):
    missing = [dn for dn in wanted if dn not in found]
    extra = [dn for dn in found if dn not in wanted]
    other = [(dn, wanted[dn], found[dn]) for dn in wanted if dn in found and wanted[dn] != found[dn]]
    return f"missing {missing[:3]}, too much {extra[:3]}, other {str(other[:2])[:1500]}"
