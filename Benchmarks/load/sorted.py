#!/usr/bin/python3
"""First pages of a sorted result, and windows of it: milliseconds of server CPU each.

    sorted.py [-n TIMES] [-D DN -w PASSWORD] URL PID BASE FILTER ATTRIBUTE...

For every attribute: the first page of 100 (RFC 2891 with RFC 2696), and windows of 50 of a virtual list view at the beginning, in the middle,
at the end and at a value. Prints rows of a Markdown table: CPU of the server's threads by /proc, the mean of TIMES searches on one connection."""
import argparse
import pathlib

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.controls.sss import SSSRequestControl
from ldap.controls.vlv import VLVRequestControl


def cpu(pid):
    """Milliseconds that the threads of a process have run."""
    return sum(int(f.read_text().split()[0]) for f in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("-D", default="cn=config")
    parser.add_argument("-w", default="secret")
    for name in ("url", "pid", "base", "filter"):
        parser.add_argument(name)
    parser.add_argument("attributes", nargs="+")
    a = parser.parse_args()
    client = ldap.initialize(a.url)
    client.simple_bind_s(a.D, a.w)

    def ask(*controls):
        message = client.search_ext(a.base, ldap.SCOPE_SUBTREE, a.filter, ["cn", "sn", "mail"], serverctrls=list(controls))
        _, entries, _, answers = client.result3(message)
        return len(entries), {c.controlType: c for c in answers}

    for attribute in a.attributes:
        order = SSSRequestControl(True, [attribute])
        _, answers = ask(order, VLVRequestControl(True, 0, 0, 1, 0))
        total = next(c.contentCount for c in answers.values() if hasattr(c, "contentCount"))
        value = "m"
        cases = [("first page of 100", [SimplePagedResultsControl(True, 100, "")])]
        cases += [(f"window of 50, {where}", [VLVRequestControl(True, 0, 49, offset, total)])
                  for where, offset in (("first", 1), ("middle", total // 2), ("last", total - 49))]
        cases.append((f"window of 50, from “{value}” on", [VLVRequestControl(True, 0, 49, greater_than_or_equal=value)]))
        for text, controls in cases:
            for _ in range(3):
                ask(order, *controls)
            before = cpu(a.pid)
            for _ in range(a.n):
                count, _ = ask(order, *controls)
            print(f"| {attribute}, {total} entries, as {a.D}: {text} | {count} | **{(cpu(a.pid) - before) / a.n:.3f}** | 5 |", flush=True)


main()
