#!/usr/bin/python3
"""Paged reads of a whole subtree (RFC 2696), alternately against two servers: what ldapload, which knows no controls, cannot do.

usage: paged.py [-r ROUNDS] [-n READS] [-s PAGESIZE] [-D DN -w PASSWORD] URL_A PID_A URL_B PID_B BASE

Prints, like compare.sh, the ratio B/A of reads per server-CPU-second."""
import argparse
import os
import statistics
import time

import ldap
from ldap.controls import SimplePagedResultsControl


def processor_seconds(pid):
    """The process's CPU clock: all threads, user and system."""
    return time.clock_gettime((~pid << 3) | 2)


def read(connection, base, size):
    """One paged read; the number of entries."""
    control, entries = SimplePagedResultsControl(True, size=size, cookie=""), 0
    while True:
        message = connection.search_ext(base, ldap.SCOPE_SUBTREE, "(objectClass=*)", serverctrls=[control])
        _, data, _, controls = connection.result3(message)
        entries += len(data)
        control.cookie = next(c.cookie for c in controls if c.controlType == SimplePagedResultsControl.controlType)
        if not control.cookie:
            return entries


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-r", dest="rounds", type=int, default=3)
    parser.add_argument("-n", dest="reads", type=int, default=10)
    parser.add_argument("-s", dest="size", type=int, default=500)
    parser.add_argument("-D", dest="dn", default="")
    parser.add_argument("-w", dest="password", default="")
    parser.add_argument("url_a")
    parser.add_argument("pid_a", type=int)
    parser.add_argument("url_b")
    parser.add_argument("pid_b", type=int)
    parser.add_argument("base")
    a = parser.parse_args()
    os.environ["LDAPNOINIT"] = "1"
    rates, counts = {"A": [], "B": []}, set()
    connections = {}
    for name, url in (("A", a.url_a), ("B", a.url_b)):
        connections[name] = ldap.initialize(url)
        connections[name].simple_bind_s(a.dn, a.password)
        counts.add(read(connections[name], a.base, a.size))
    assert len(counts) == 1, f"different numbers of entries: {counts}"
    for _ in range(a.rounds):
        for name, pid in (("A", a.pid_a), ("B", a.pid_b)):
            before = processor_seconds(pid)
            for _ in range(a.reads):
                counts.add(read(connections[name], a.base, a.size))
            rates[name].append(a.reads / (processor_seconds(pid) - before))
    assert len(counts) == 1, f"different numbers of entries: {counts}"
    first, second = os.environ.get("NAME_A", "A"), os.environ.get("NAME_B", "B")
    ratios = [b / x for x, b in zip(rates["A"], rates["B"])]
    print(f"entries per read: {counts.pop()}, page size {a.size}")
    print(f"median ops per server-CPU-second: {first} {statistics.median(rates['A']):.1f}, {second} {statistics.median(rates['B']):.1f}")
    print(f"RATIO {second}/{first} of ops per server-CPU-second: {statistics.median(ratios):.3f} (per round: {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
