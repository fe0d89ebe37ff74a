#!/usr/bin/env python3
"""Clients that change a directory and write down what they were told, so that it can be held against what is there afterwards.

Each lane is one connection with a branch of its own and knows what must be in it: a dict {DN: {attribute: [values]}}. Before each
operation the lane writes down what it is going to do, afterwards the answer's code. A lane has one operation outstanding, so after a
crash at most its last one is in doubt. If the server closes connections and goes on, a lane looks what has become of its last operation.

usage: load.py URL SEED SECONDS JOURNAL LANE...     (each JOURNAL-LANE.state may hold the branch as it is)
"""
from __future__ import annotations

import copy
import json
import os
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ConformanceTests"))

from client import NO_SUCH_OBJECT, SERVER_DOWN, SUCCESS, UNAVAILABLE, Client  # noqa: E402
from servers import ROOT_DN, ROOT_PASSWORD  # noqa: E402

TOP = "dc=crash"
UNIT, PERSON = ["organizationalUnit"], ["inetOrgPerson"]


def branch(lane):
    return f"ou=lane{lane},{TOP}"


def superior(dn):
    return dn.split(",", 1)[1]


def below(dn, top):
    return dn == top or dn.endswith("," + top)


def start(lane):
    """The operations that make an empty branch; a load that was ended may have done some."""
    top = branch(lane)
    return [["add", dn, {"objectClass": UNIT, "ou": [dn[3:].split(",")[0]]}] for dn in (top, "ou=a," + top, "ou=b," + top)]


def apply(model, operation):
    """What an operation makes of a branch."""
    kind, dn, *rest = operation
    if kind == "add":
        model[dn] = copy.deepcopy(rest[0])
    elif kind == "delete":
        del model[dn]
    elif kind == "modify":
        entry = model[dn]
        for how, attribute, values in rest[0]:
            if how == "replace":
                entry[attribute] = list(values)
            elif how == "add":
                entry[attribute] = entry.get(attribute, []) + list(values)
            else:
                entry[attribute] = [v for v in entry[attribute] if v not in values]
            if not entry[attribute]:
                del entry[attribute]
    else:
        rdn, parent = rest
        name, value = rdn.split("=", 1)
        for old in [d for d in model if below(d, dn)]:
            new = rdn + "," + parent if old == dn else old[:-len(dn)] + rdn + "," + parent
            model[new] = model.pop(old)
        entry = model[rdn + "," + parent]
        entry[name] = [v for v in entry[name] if v != dn[len(name) + 1:].split(",")[0] and v != value] + [value]


def perform(client, operation):
    kind, dn, *rest = operation
    if kind == "add":
        return client.add(dn, rest[0])
    if kind == "delete":
        return client.delete(dn)
    if kind == "modify":
        return client.modify(dn, *rest[0])
    return client.rename(dn, rest[0], rest[1])


def read(client, lane):
    """What a branch is."""
    result = client.search(branch(lane), "sub", attributes=["*"])
    if result.code == NO_SUCH_OBJECT:
        return {}
    assert result.code == SUCCESS, result
    return {dn: {name: [v.decode() for v in values] for name, values in attributes.items()} for dn, attributes in result.entries}


def connect(url, patience):
    """A client, as soon as the server takes one; None if it does not."""
    until = time.monotonic() + patience
    while True:
        try:
            return Client(url, ROOT_DN, ROOT_PASSWORD, timeout=60)
        except AssertionError:
            if time.monotonic() >= until:
                return None
            time.sleep(0.05)


def outcome(url, lane, patience, model, operation):
    """A new client, and what became of an operation whose connection was closed."""
    while client := connect(url, patience):
        try:
            found = read(client, lane)
        except AssertionError:
            continue
        if found == model:
            return client, UNAVAILABLE, "it was not done"
        done = copy.deepcopy(model)
        apply(done, operation)
        return (client, SUCCESS, "it was done") if found == done else (client, SERVER_DOWN, f"it was half done: {found}")
    return None, SERVER_DOWN, ""


def choose(model, lane, chance, count, room):
    """The next operation: valid, and never the same twice. No branch gets more than `room` persons."""
    top = branch(lane)
    units = [dn for dn in model if dn.startswith("ou=") and dn != top]
    groups = [dn for dn in units if dn.startswith("ou=g")]
    persons = [dn for dn in model if dn.startswith("cn=")]
    token = f"{lane}-{count}-{chance.getrandbits(32):08x}"
    dice = chance.random()
    if not persons or (dice < 0.35 and len(persons) < room):
        return ["add", f"cn=p{token}," + chance.choice(units),
                {"objectClass": PERSON, "cn": [f"p{token}"], "sn": [f"Sn {token}"], "mail": [f"{token}@crash.example"]}]
    if dice < 0.38 and len(groups) < 8:
        return ["add", f"ou=g{token}," + chance.choice(["ou=a,", "ou=b,"]) + top, {"objectClass": UNIT, "ou": [f"g{token}"]}]
    person = chance.choice(persons)
    if dice < 0.65:
        how = chance.randrange(4)
        if how == 0:
            return ["modify", person, [["replace", "description", [f"one {token}", "x" * chance.choice([10, 300, 5000])]]]]
        if how == 1 and model[person].get("telephoneNumber"):
            return ["modify", person, [["delete", "telephoneNumber", [model[person]["telephoneNumber"][0]]],
                                       ["replace", "title", [f"Dr {token}"]]]]
        if how == 2:
            return ["modify", person, [["add", "telephoneNumber", [f"+1 {lane} {count} {chance.randrange(9)}"]]]]
        return ["modify", person, [["replace", "mail", [f"m{token}@crash.example"]], ["replace", "sn", [f"Other {token}"]]]]
    if dice < 0.75:
        return ["rename", person, f"cn=r{token}", chance.choice(units)]
    if dice < 0.80 and groups:
        return ["rename", chance.choice(groups), f"ou=g{token}", chance.choice(["ou=a,", "ou=b,"]) + top]
    if dice < 0.82:
        empty = [g for g in groups if not any(superior(d) == g for d in model)]
        if empty:
            return ["delete", chance.choice(empty)]
    return ["delete", person]


class Journal:
    """What a lane did: lines of JSON, `[time, operation]` before and `[time, code, message]` after."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def open(self):
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *what):
        os.write(self.descriptor, (json.dumps([time.monotonic(), *what]) + "\n").encode())

    def read(self):
        """(operation, when it was asked for, when answered, code, message) each; the last three are None for one without an answer."""
        steps = []
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                when, *what = json.loads(line)
                if isinstance(what[0], list):
                    steps.append([what[0], when, None, None, None])
                else:
                    steps[-1][2:] = [when, *what]
        return steps


def run(url, seed, seconds, journal, lane, pause=0.0, room=400, patience=0.0):
    state = pathlib.Path(f"{journal.path}.state")
    model = json.loads(state.read_text()) if state.exists() else {}
    chance = random.Random(seed * 1000 + lane)
    journal.open()
    until = time.monotonic() + seconds
    client = connect(url, patience)
    pending = [operation for operation in start(lane) if operation[1] not in model]
    count = seed << 20
    while client and time.monotonic() < until:
        operation = pending.pop(0) if pending else choose(model, lane, chance, count, room)
        count += 1
        journal.note(operation)
        result = perform(client, operation)
        code, message = result.code, result.message
        if code == SERVER_DOWN:
            if not patience:
                return
            client, code, message = outcome(url, lane, patience, model, operation)
            if not client:
                return
        journal.note(code, message)
        if code == SUCCESS:
            apply(model, operation)
        elif pending:
            pending.insert(0, operation)
        if code != SUCCESS:
            time.sleep(0.05)
        if pause:
            time.sleep(pause)


def main():
    url, seed, seconds, journal, *lanes = sys.argv[1:]
    pause, room = float(os.environ.get("LOAD_PAUSE", 0)), int(os.environ.get("LOAD_ROOM", 400))
    patience = float(os.environ.get("LOAD_PATIENCE", 0))
    threads = [threading.Thread(target=run, args=(url, int(seed), float(seconds), Journal(f"{journal}-{lane}"), int(lane), pause, room, patience))
               for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
