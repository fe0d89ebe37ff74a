#!/usr/bin/python3
"""Copies a generated LDIF with one account in twenty having its own value of a feature: override.py LDIF OUT

Every account gets `employeeType` with the effective value (TRUE from each class of service, FALSE for those that override it), so that one
search can be asked for the inherited value and for a stored one, with the same answer.
"""
import random
import sys

FEATURE, STORED = "zimbraFeatureTasksEnabled", "employeeType"


def main():
    source, target = sys.argv[1:]
    pick = random.Random(1)
    overriding = accounts = 0
    with open(source, encoding="utf-8") as read, open(target, "w", encoding="utf-8") as write:
        for line in read:
            write.write(line)
            if line == "objectClass: zimbraAccount\n":
                accounts += 1
                own = pick.random() < 0.05
                overriding += own
                write.write(f"{FEATURE}: FALSE\n{STORED}: FALSE\n" if own else f"{STORED}: TRUE\n")
    print(f"{accounts} accounts, {overriding} with a value of their own")


if __name__ == "__main__":
    main()
