#!/usr/bin/python3
"""Extracts the values that the workloads ask for from a generated LDIF: values.py LDIF FOLDER

  addresses.txt   zimbraMailDeliveryAddress of every account
  recipients.txt  every address that mail may come for: delivery addresses, aliases, lists; one in twenty exists nowhere
  dns.txt         names of accounts
  binds.txt       names of active accounts and their password, separated by a tab
  gal-keys.txt    pieces of three to five letters of names in the GAL domain, and of words that nobody is called
  auto-keys.txt   the first two letters of names there
  lists.txt       names of dynamic lists with 90 to 150 members
  gal-domain.txt  the GAL domain: the largest
  paged-domain.txt  the domain whose number of entries is nearest to 2,000
"""
import base64
import collections
import pathlib
import random
import re
import sys


def entries(path):
    """(dn, {attribute: [text]}) of every record; only the attributes asked for below are kept."""
    wanted = {"objectClass", "zimbraMailDeliveryAddress", "zimbraMailAlias", "mail", "givenName", "sn", "zimbraAccountStatus", "userPassword",
              "zimbraId", "zimbraMemberOf", "memberURL"}
    with open(path, encoding="utf-8") as file:
        dn, attributes, last = None, {}, None
        for line in file:
            line = line.rstrip("\n")
            if not line:
                if dn is not None:
                    yield dn, attributes
                dn, attributes, last = None, {}, None
                continue
            assert line[0] != " ", "the generator does not fold"
            name, _, value = line.partition(":")
            if name != "dn" and name not in wanted:
                continue
            value = base64.b64decode(value[1:].strip()).decode() if value.startswith(":") else value.strip()
            if name == "dn":
                dn = value
            else:
                attributes.setdefault(name, []).append(value)
        if dn is not None:
            yield dn, attributes


def main():
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    pick = random.Random(1)
    addresses, recipients, dns, binds = [], [], [], []
    lists, members = {}, collections.Counter()
    names, sizes = collections.defaultdict(list), collections.Counter()
    for dn, a in entries(source):
        domain = re.sub(r"^.*?((?:dc=[^,]*,?)+)$", r"\1", dn) if "dc=" in dn else None
        if domain:
            sizes[domain] += 1
        if "zimbraAccount" in a.get("objectClass", []) and "zimbraMailDeliveryAddress" in a:
            addresses += a["zimbraMailDeliveryAddress"]
            dns.append(dn)
            if a["zimbraAccountStatus"] == ["active"]:
                binds.append(dn)
            names[domain] += a.get("givenName", []) + a.get("sn", [])
        members.update(a.get("zimbraMemberOf", []))
        if any(url.startswith("ldap:///??sub?(|(zimbraMemberOf=") for url in a.get("memberURL", [])):
            lists[a["zimbraId"][0]] = dn
        recipients += [x for x in a.get("zimbraMailDeliveryAddress", []) + a.get("zimbraMailAlias", []) if not x.startswith("@")]
    recipients += [f"nobody{i}@{pick.choice(addresses).split('@')[1]}" for i in range(len(recipients) // 20)]
    gal = max(sizes, key=sizes.get)
    words = sorted({n for n in names[gal] if len(n) >= 3})
    keys, firsts = set(), set()
    while len(keys) < 400:
        word, size = pick.choice(words), pick.choice([3, 4, 5])
        at = pick.randrange(max(1, len(word) - size + 1))
        if len(word) >= size and not set(word[at:at + size]) & set(" '-"):
            keys.add(word[at:at + size].lower())
    keys |= {"xqz", "zzzz", "qwrty"}
    firsts = {w[:2].lower() for w in words}

    def write(name, lines):
        (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        print(f"{name}: {len(lines)}")

    for lines in (addresses, recipients, dns, binds):
        pick.shuffle(lines)
    write("addresses.txt", addresses)
    write("recipients.txt", recipients)
    write("dns.txt", dns[:50_000])
    write("binds.txt", [f"{dn}\tpassword" for dn in binds[:5_000]])
    write("lists.txt", [dn for group, dn in lists.items() if 90 <= members[group] <= 150])
    write("gal-keys.txt", sorted(keys))
    write("auto-keys.txt", sorted(firsts))
    write("gal-domain.txt", [gal])
    write("paged-domain.txt", [min(sizes, key=lambda d: abs(sizes[d] - 2000))])


if __name__ == "__main__":
    main()
