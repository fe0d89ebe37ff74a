#!/usr/bin/python3
"""Runs the same generated searches and changes against two servers on the same data and reports every difference.

    differential.py [--seed N] [--operations N] [--accounts N] [--other muster|slapd] [--limit N]

The first server is Debian's slapd as `Benchmarks/oracle` sets it up, without access rules; the other is muster (or slapd once more,
which must show no difference at all). The same seed gives the same operations. Compared are result codes, matched names, the entries
of searches as sets, and at the end the whole trees. What may differ, and why, is the table DIFFERENCES and nothing else."""
from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import random
import re
import sys
import tempfile
import time
import unicodedata
import urllib.parse

import ldap
import ldap.dn
from ldap.controls import SimplePagedResultsControl
from ldap.controls.libldap import AssertionControl
from ldap.controls.readentry import PostReadControl, PreReadControl
from ldap.filter import escape_filter_chars

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import adversarial  # noqa: E402
import wire  # noqa: E402
from client import (ASSERTION_FAILED, COMPARE_FALSE, COMPARE_TRUE, CONSTRAINT_VIOLATION, INVALID_DN_SYNTAX, NAMING_VIOLATION,  # noqa: E402
                    NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, NOT_ALLOWED_ON_RDN, OBJECT_CLASS_MODS_PROHIBITED, OBJECT_CLASS_VIOLATION, REFERRAL, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION, Client, control, split_dn)
from servers import ROOT_DN, ROOT_PASSWORD, Muster, Slapd  # noqa: E402

MANAGE_DSA_IT, SUBENTRIES, MATCHED_VALUES = "2.16.840.1.113730.3.4.2", "1.3.6.1.4.1.4203.1.10.1", "1.2.826.0.1.3344810.2.3"
ASSERTION, PRE_READ, POST_READ, PROXY = "1.3.6.1.1.12", "1.3.6.1.1.13.1", "1.3.6.1.1.13.2", "2.16.840.1.113730.3.4.18"
# Of OpenLDAP: no-op, relax; of Active Directory: permissive modify.
NO_OP, RELAX, PERMISSIVE, UNKNOWN_CONTROL = "1.3.6.1.4.1.4203.666.5.2", "1.3.6.1.4.1.4203.666.5.12", "1.2.840.113556.1.4.1413", "1.2.3.4.5.6"
AUTHORIZATION_DENIED = 123

# --- what may differ ------------------------------------------------------------------------------------------------------

# A plain directory: the identity that compares sees nothing inherited, in answers and filters, and changes take nothing with them.
PLAIN = {"MUSTER_MAIL_STORED_VIEW_IDENTITIES": ROOT_DN, "MUSTER_MAIL_RULES": "false"}


@dataclasses.dataclass
class Difference:
    """One intended difference: `applies(operation, slapd's result, ours)` tells whether it explains what was seen."""

    name: str
    reason: str
    applies: object


FAILURES = {NAMING_VIOLATION, NOT_ALLOWED_ON_RDN}

DIFFERENCES = [
    Difference("rdn-removal", "RFC 4511 section 4.6 names notAllowedOnRDN for removing a distinguished value; slapd answers namingViolation",
               lambda op, a, b: op.kind == "modify" and {a.code, b.code} == FAILURES),
    Difference("uniqueness-first", "both refuse: slapd's overlay looks for equal values before the schema is checked, we check the entry first",
               lambda op, a, b: a.code == CONSTRAINT_VIOLATION and a.message.startswith("non-unique") and b.code != SUCCESS),
    Difference("full-case-folding", "RFC 4518 section 2.2 maps ß to ss, ς to σ, İ to i and a dot, section 2.3 takes Ⅷ for viii; slapd folds letter by letter",
               lambda op, a, b: op.kind == "search" and a.code == b.code and (not op.counted or a.code == SUCCESS and "size_limit" in op.options)
               and a.differ_in_folding_only(b, op.arguments[2])),
    Difference("matched-values-of-computed-attributes", "RFC 3876: slapd leaves an attribute without values of operational attributes that it computes; "
               "we leave nothing, as of all other attributes",
               lambda op, a, b: op.kind == "search" and a.code == b.code and op.has_control(MATCHED_VALUES) and a.filled == b.filled),
    Difference("lists-under-manage-dsa-it", "slapd's dynlist overlay computes no members under manageDsaIT; we have a control for what is stored",
               lambda op, a, b: op.kind == "search" and a.code == b.code and op.has_control(MANAGE_DSA_IT) and a.without("member") == b.without("member")),
    Difference("lists-under-subentries", "RFC 3672 section 3: subentries and nothing else; slapd's dynlist overlay sends its groups all the same",
               lambda op, a, b: op.kind == "search" and a.code == b.code and op.has_control(SUBENTRIES) and a.has_only_lists_beside(b)),
    Difference("entries-sent-twice", "RFC 4511 section 4.5.1.3: duplicates that come of aliases are eliminated; slapd sends entries again whose scopes overlap",
               lambda op, a, b: op.options.get("dereference") and a.code == b.code and len(b.entries) == len(b.by_name)
               and (a.by_name == b.by_name or op.has_control(MATCHED_VALUES) and a.filled_by_name == b.filled_by_name)),
    Difference("below-a-referral", "RFC 3296 section 3: with manageDsaIT no referral is made of a referral entry, it is treated as any other; slapd refers names "
               "below it all the same. (What was added there is taken away again: slapd has not got it.)",
               lambda op, a, b: a.code == REFERRAL and op.has_control(MANAGE_DSA_IT) and (b.code == NO_SUCH_OBJECT or op.kind == "add" and b.code == SUCCESS)),
    Difference("lists-in-pre-and-post-read", "RFC 4527: entries as a search shows them; slapd's dynlist overlay computes no members there",
               lambda op, a, b: a.comparable[:-1] == b.comparable[:-1] and a.read_without_members == b.read_without_members),
    Difference("control-before-name", "both refuse a request with a critical control that is not known, or not for it, and another mistake (a name that is none, an identity "
               "that the client may not take): which of them is told is a matter of order",
               lambda op, a, b: (op.has_control(UNKNOWN_CONTROL) or op.has_control(RELAX)) and UNAVAILABLE_CRITICAL_EXTENSION in (a.code, b.code)
               and {a.code, b.code} <= {INVALID_DN_SYNTAX, UNAVAILABLE_CRITICAL_EXTENSION, AUTHORIZATION_DENIED}),
    Difference("alias-to-something-else", "both refuse: slapd sees first that aliasedObjectName stands in aliases only, we that the structural class stays",
               lambda op, a, b: op.kind == "modify" and (a.code, b.code) == (OBJECT_CLASS_VIOLATION, OBJECT_CLASS_MODS_PROHIBITED) and "aliasedObjectName" in a.message),
    Difference("assertion-on-compare", "RFC 4528 section 3: an assertion that fails ends a compare too; slapd's dynlist overlay compares entries of its lists without it",
               lambda op, a, b: op.kind == "compare" and op.has_control(ASSERTION) and b.code == ASSERTION_FAILED and a.code in (COMPARE_FALSE, COMPARE_TRUE, NO_SUCH_ATTRIBUTE)),
    Difference("assertion-first", "neither makes the change: slapd tests the assertion before it looks for a new entry's parent, and before it refers elsewhere",
               lambda op, a, b: op.has_control(ASSERTION) and a.code == ASSERTION_FAILED and (op.kind == "add" and b.code != SUCCESS or b.code == REFERRAL)),
    Difference("matched-name-of-rename", "slapd leaves the matched name out when the entry to rename does not exist",
               lambda op, a, b: op.kind == "rename" and a.code == b.code == NO_SUCH_OBJECT and not a.matched),
]

# Not generated, because slapd's answer is a matter of its own:
#   ~=                      on attributes with a phonetic rule in slapd; we take it for equality, as RFC 4511 section 4.5.1.7.6 allows
#   newSuperior ""          slapd takes it for "none"; in RFC 4511 it is the name of the root
#   compare of entryDN      slapd is unwilling
#   #hexadecimal values     slapd takes them for binary syntaxes only
#   surrogates in UTF-8     slapd does not see them
#   structuralObjectClass=superior in filters: slapd matches subclasses, as for objectClass
#   changes of userPassword  stamp the account and obey the password rules of its class of service (semantics 4.5)
#   hasSubordinates:=       slapd evaluates the computed attribute in equality items only
#   joiners, soft hyphens   RFC 4518 section 2.2 maps them to nothing; slapd keeps them
#   the root DSE            describes the server itself
#   pre-/post-read of attributes by class, and of types that are not known: slapd refuses the change (17) or leaves them out; RFC 4527
#                           section 3 takes the selectors of a search
#   assertions on changes of unique values: slapd's overlay has its own search keep to them, and fails (122, "unique_search failed")
#   relaxed changes of unique values: slapd's overlay lets them through; we have no value twice, whatever is relaxed
#   permissive deletion of values: slapd refuses values that are not there; we pass them over, as Active Directory
#   u:NAME in proxied authorization: what it stands for is a matter of configuration

UNIQUE = {"mail", "zimbraid", "dkimselector"}
MASKED = {"entryuuid", "entrycsn", "createtimestamp", "modifytimestamp"}
DN_VALUED = {"entrydn", "seealso", "creatorsname", "modifiersname", "member", "dgidentity", "manager", "owner", "secretary", "roleoccupant",
             "subschemasubentry"}


def folds_specially(text):
    return any(c == "İ" or c.casefold() != c.lower() or unicodedata.normalize("NFKC", c) != unicodedata.normalize("NFC", c) for c in text)


def normal_dn(dn):
    """A DN in a form that does not depend on spelling: nested tuples."""
    try:
        return tuple(tuple(sorted((a.lower(), v) for a, v, _ in rdn)) for rdn in ldap.dn.str2dn(dn))
    except ldap.DECODING_ERROR:
        return dn


def lower_dn(dn):
    parsed = normal_dn(dn)
    return tuple(tuple((a, re.sub(" +", " ", v.strip()).lower()) for a, v in rdn) for rdn in parsed) if isinstance(parsed, tuple) else parsed


def normal_url(url):
    """An LDAP URL in a form that does not depend on the spelling of its name."""
    head, _, rest = url.partition("://")[2].partition("/")
    fields = rest.split("?")
    return repr((head, lower_dn(urllib.parse.unquote(fields[0])), fields[1:]))


def normal_entry(attributes):
    out = {}
    for name, values in attributes.items():
        key = name.lower()
        if key in MASKED:
            out[key] = len(values)
        elif key.split(";")[0] in DN_VALUED:
            out[key] = sorted(map(repr, (lower_dn(v.decode("utf-8", "replace")) for v in values)))
        else:
            out[key] = sorted(values)
    return out


class Outcome:
    """A result reduced to what is compared."""

    def __init__(self, operation, result, reader):
        self.code, self.message = result.code, result.message
        self.matched = lower_dn(result.matched) if result.matched else ""
        self.entries = [(normal_dn(dn), normal_entry(a)) for dn, a in result.entries if dn]
        if operation.counted:
            self.comparable = (self.code, self.matched, len(self.entries))
        else:
            self.comparable = (self.code, self.matched, sorted(self.entries, key=repr))
        self.spelling = {repr(normal_dn(dn)): dn for dn, _ in result.entries}
        self.references = sorted(normal_url(url) for urls in result.references for url in urls)
        if not operation.counted:
            self.comparable += (self.references,)
        # RFC 4527: entries as they were and as they are.
        self.read = sorted(((c.controlType, lower_dn(c.dn), normal_entry(c.entry)) for c in result.controls if c.controlType in (PRE_READ, POST_READ)), key=repr)
        if self.code == SUCCESS:
            self.comparable += (self.read,)
        self.reader = reader

    def differ_in_folding_only(self, other, filter):
        """Whether all that one has and the other has not are entries with letters that fold to something else than one small letter, or with what
        such letters of the filter fold to."""
        mine, others = ({repr(dn): entry for dn, entry in outcome.entries} for outcome in (self, other))
        extra = mine.keys() ^ others.keys()
        if any(mine[dn] != others[dn] for dn in mine.keys() & others.keys()) or not extra:
            return False
        for dn in extra:
            name = self.spelling.get(dn) or other.spelling[dn]
            values = [v.decode("utf-8", "replace") for _, attributes in self.reader.read(name).entries for vs in attributes.values() for v in vs]
            # A dotted capital I is for slapd a small i without another dot.
            asked = {folded for part in re.split(r"[=()*:<>~]", filter) if folds_specially(part)
                     for folded in (part.casefold(), part.casefold().replace("\u0307", ""))}
            if not any(map(folds_specially, [name, *values])) and not any(part in value.casefold() for part in asked for value in [name, *values]):
                return False
        return True

    @property
    def filled(self):
        """The entries without attributes that have no values."""
        return sorted(((dn, {k: v for k, v in entry.items() if v}) for dn, entry in self.entries), key=repr)

    @property
    def filled_by_name(self):
        return {repr(dn): entry for dn, entry in self.filled}

    @property
    def read_without_members(self):
        return [(oid, dn, {k: v for k, v in entry.items() if k != "member"}) for oid, dn, entry in self.read]

    @property
    def by_name(self):
        return {repr(dn): entry for dn, entry in self.entries}

    def without(self, attribute):
        return sorted(((dn, {k: v for k, v in entry.items() if k != attribute}) for dn, entry in self.entries), key=repr)

    def has_only_lists_beside(self, other):
        mine, others = self.by_name, other.by_name
        if any(mine.get(dn) != entry for dn, entry in others.items()):
            return False
        return all(b"groupOfURLs" in self.reader.read(self.spelling[dn], ["objectClass"]).only["objectClass"] for dn in mine.keys() - others.keys())

    def __repr__(self):
        return f"{self.code} {self.message!r} matched {self.matched} entries {len(self.entries)}" + (f" read {self.read}" if self.read else "")


@dataclasses.dataclass
class Operation:
    kind: str
    arguments: tuple
    options: dict = dataclasses.field(default_factory=dict)
    counted: bool = False       # which entries come back is not determined (a size limit was hit)

    def has_control(self, oid):
        return any(c.controlType == oid for c in self.options.get("controls", []))

    @property
    def touches_unique_values(self):
        if self.kind == "add":
            return any(name.lower() in UNIQUE for name in self.arguments[1])
        return self.kind == "rename" or self.kind == "modify" and any(name.lower() in UNIQUE for _, name, _ in self.arguments[1:])

    @property
    def may_be_permissive(self):
        return self.kind == "modify" and not any(kind == "delete" and values for kind, _, values in self.arguments[1:])

    def run(self, client):
        return getattr(client, self.kind)(*self.arguments, **self.options)

    def __str__(self):
        return f"{self.kind}{self.arguments!r} {self.options or ''}"


# --- generating ---------------------------------------------------------------------------------------------------------------

TEXT = ["cn", "sn", "givenName", "displayName", "description", "title", "ou", "l", "st", "street", "o", "company", "zimbraNotes", "co",
        "zimbraPrefFromDisplay", "physicalDeliveryOfficeName", "name", "commonName", "2.5.4.4"]
EXACT = ["zimbraId", "uid", "mail", "zimbraMailDeliveryAddress", "zimbraMailAlias", "zimbraDomainName", "zimbraMailHost", "zimbraCOSId",
         "zimbraMemberOf", "zimbraAccountStatus", "zimbraMailStatus", "zimbraMailTransport", "zimbraForeignPrincipal", "dc", "zimbraACE",
         "zimbraAliasTargetId", "zimbraMailForwardingAddress", "zimbraVirtualHostname", "DKIMSelector", "preferredLanguage"]
OTHER = ["telephoneNumber", "mobile", "homePhone", "zimbraMailQuota", "zimbraHideInGal", "zimbraIsAdminAccount", "zimbraCreateTimestamp",
         "zimbraPasswordModifiedTime", "zimbraLastLogonTimestamp", "seeAlso", "dgIdentity", "memberURL", "objectClass", "hasSubordinates",
         "userPassword", "entryDN", "modifiersName", "creatorsName", "zimbraCalResCapacity", "zimbraPrefMailItemsPerPage"]
UNKNOWN = ["noSuchAttribute", "x-none", "1.2.3.4.5", "cn;lang-xx", "description;lang-en"]
ATTRIBUTES = TEXT * 3 + EXACT * 2 + OTHER + UNKNOWN
RULES = ["caseExactMatch", "caseIgnoreMatch", "2.5.13.5", "caseExactIA5Match", "integerMatch", "booleanMatch", "distinguishedNameMatch",
         "noSuchMatch", "octetStringMatch", "dnSubtreeMatch", "caseIgnoreSubstringsMatch"]
CLASSES = ["person", "inetOrgPerson", "zimbraAccount", "zimbraDomain", "zimbraAlias", "organization", "zimbraDistributionList", "zimbraGroup",
           "groupOfURLs", "top", "organizationalRole", "zimbraMailRecipient", "noSuchClass", "amavisAccount", "zimbraCOS", "INETORGPERSON", "2.5.6.6"]
SELECTIONS = [None, ["*"], ["+"], ["*", "+"], ["1.1"], ["cn"], ["CN", "mail", "2.5.4.4"], ["@person"], ["@zimbraAccount", "entryDN"], ["noSuchAttribute"],
              ["cn", "1.1"], ["description;lang-en"], ["name"], ["objectClass", "+"], ["zimbraMail", "zimbraId"], ["*", "entryUUID"], ["hasSubordinates", "structuralObjectClass"]]


class Generator:
    """Operations from a seed and what the directory holds."""

    def __init__(self, seed, entries):
        self.source = random.Random(seed)
        self.names = [dn for dn, _ in entries]
        self.values = {}
        for _, attributes in entries:
            for name, values in attributes.items():
                self.values.setdefault(name.lower(), []).extend(v.decode("utf-8", "replace") for v in values[:3])
        for values in self.values.values():
            values.sort()
        self.words = sorted({w for name in ("cn", "sn", "givenname", "displayname") for v in self.values.get(name, []) for w in v.split()})
        self.serial = 0

    def pick(self, choices):
        return self.source.choice(choices)

    def chance(self, p):
        return self.source.random() < p

    # names

    def spelled(self, dn):
        """The same name, otherwise written."""
        kind = self.source.randrange(5)
        if kind == 0:
            return dn.upper() if dn.isascii() and "\\" not in dn else dn
        if kind == 1:
            return ", ".join(split_dn(dn))
        if kind == 2:
            return " , ".join(r.replace("=", " = ", 1) for r in split_dn(dn))
        if kind == 3:
            return re.sub(r"(?i)\bou=", "2.5.4.11=", dn)
        return dn

    def name(self, wrong=0.15):
        if self.chance(wrong):
            return self.pick(["dc=nowhere", "cn=missing," + self.pick(self.names), "cn=x,cn=y," + self.pick(self.names), "nonsense", "cn=a,,dc=b", "noSuchType=x", "cn=x\\",
                              "=x", "cn=" + "z" * 2000 + "," + self.pick(self.names)])
        dn = self.pick(self.names)
        while self.chance(0.25) and len(split_dn(dn)) > 1:
            dn = ",".join(split_dn(dn)[1:])
        return self.spelled(dn) if self.chance(0.2) else dn

    # values and filters

    def value(self, attribute):
        """Mostly something that some entry has, often disfigured."""
        pool = self.values.get(attribute.split(";")[0].lower())
        if pool is None or self.chance(0.08):
            pool = self.pick([self.words, ["x", "", " ", "TRUE", "FALSE", "true", "0", "-1", "007", "99999999999999999999", "20220101000000Z", "20220101", "a" * 600, "dc=acme,dc=example",
                                           "no name", "日本", "*", "(", "\\", "#x", "a  b"]])
        value = self.pick(pool or ["x"])
        kind = self.source.randrange(12)
        if kind == 0:
            value = "".join(c.swapcase() if c.isascii() else c for c in value)
        elif kind == 1:
            value = " " + value.replace(" ", "  ") + " "
        elif kind == 2:
            value += "x"
        elif kind == 3:
            value = value[:-1]
        return value[:700]

    def term(self):
        attribute = self.pick(ATTRIBUTES)
        kind = self.source.random()
        if attribute.lower() == "objectclass" or kind < 0.12:
            return f"(objectClass={self.pick(CLASSES)})"
        if kind < 0.42:
            return f"({attribute}={escape_filter_chars(self.value(attribute))})"
        if kind < 0.57:
            return f"({attribute}=*)"
        if kind < 0.82:
            return f"({attribute}={self.substring(attribute)})"
        if kind < 0.90:
            return f"({attribute}{self.pick(['>=', '<='])}{escape_filter_chars(self.value(attribute))})"
        if kind < 0.91:
            attribute = self.pick(["zimbraMailQuota", "zimbraHideInGal"])
            return f"({attribute}~={escape_filter_chars(self.value(attribute))})"
        return self.extensible(attribute)

    def substring(self, attribute):
        text = self.value(attribute) or "x"
        cuts = sorted(self.source.randrange(len(text) + 1) for _ in range(self.pick([1, 1, 2, 2, 2, 3, 4])))
        pieces = [text[a:b] for a, b in zip([0] + cuts, cuts + [len(text)])]
        kept = [p[self.source.randrange(2):] if self.chance(0.3) else p for p in pieces]
        first = kept[0] if self.chance(0.5) else ""
        last = kept[-1] if self.chance(0.4) else ""
        middle = [p for p in kept[1:-1] if p]
        if not (first or last or middle):
            middle = [text[:self.source.randint(1, 4)]]
        return "*".join(escape_filter_chars(p) for p in [first, *middle, last])

    def extensible(self, attribute):
        kind = self.source.randrange(6)
        if attribute == "hasSubordinates":
            attribute = "cn"
        if kind == 0:
            return f"(entryDN:dnSubtreeMatch:={escape_filter_chars(self.name(0.1))})"
        if kind == 1:
            return f"({self.pick(['ou', 'dc', 'uid', 'cn'])}:dn:={escape_filter_chars(self.pick(['people', 'acme', 'example', 'groups', 'x', 'PEOPLE']))})"
        if kind == 2:
            return f"({attribute}:={escape_filter_chars(self.value(attribute))})"
        return f"({attribute}:{self.pick(RULES)}:={escape_filter_chars(self.value(attribute))})"

    def filter(self, depth=0):
        kind = self.source.random()
        if depth > 3 or kind < 0.5:
            return self.term()
        if kind < 0.62:
            return f"(!{self.filter(depth + 1)})"
        return f"({self.pick('&&|')}{''.join(self.filter(depth + 1) for _ in range(self.source.randint(0 if self.chance(0.1) else 1, 4)))})"

    # operations

    def search(self):
        base = "" if self.chance(0.25) else self.name()
        scope = self.pick(["base", "one", "sub", "sub", "sub", "children"])
        if base == "" and scope == "base":
            scope = "sub"
        options, counted = {}, False
        if self.chance(0.08):
            options["size_limit"], counted = self.source.randint(1, 20), True
        elif self.chance(0.06):
            options["controls"], counted = [SimplePagedResultsControl(True, size=self.source.randint(1, 30), cookie="")], True
        elif self.chance(0.12):
            options["controls"] = [self.pick([control(MANAGE_DSA_IT, self.chance(0.7)), control(SUBENTRIES, True, b"\x01\x01\xff"),
                                              control(SUBENTRIES, True, b"\x01\x01\0"), self.matched_values()])]
        elif self.chance(0.05):
            # At the root slapd asserts nothing: it has no entry there.
            assertion = self.filter() if base else None
            options["controls"] = [self.pick([AssertionControl(self.chance(0.7), assertion) if base else control(UNKNOWN_CONTROL, False), control(UNKNOWN_CONTROL, self.chance(0.5)),
                                              control(PROXY, True, b"dn:" + ROOT_DN.encode())])]
        if self.chance(0.08):
            options["types_only"] = True
        if self.chance(0.25):
            options["dereference"] = self.source.randint(1, 3)
        return Operation("search", (base, scope, self.filter(), self.pick(SELECTIONS)), options, counted)

    def matched_values(self):
        """RFC 3876: some items on values that there are."""
        items = []
        for _ in range(self.source.randint(1, 3)):
            # Once slapd has met an unknown type there it knows it, and its later answers to compares are others.
            attribute = self.pick([a for a in ATTRIBUTES if a not in ("entryDN", "userPassword", *UNKNOWN)])
            if self.chance(0.2):
                items.append(wire.text(attribute, 0x87))
            else:
                items.append(wire.equality(attribute, self.value(attribute)))
        return control(MATCHED_VALUES, self.chance(0.7), wire.sequence(*items))

    # controls of changes

    def read_selection(self):
        return self.pick([["*"], ["cn", "description"], ["+"], ["*", "+"], ["1.1"], ["CN", "2.5.4.4", "name"], []])

    def change_control(self, operation):
        """One control, on an operation that it may not be for."""
        kind = operation.kind
        critical = self.chance(0.6)
        choice = self.source.randrange(12)
        if choice <= 2 and not operation.touches_unique_values:
            return AssertionControl(critical, self.pick(["(objectClass=*)", "(!(objectClass=person))", self.term(), self.filter()]))
        if choice <= 4 and kind in ("modify", "add", "rename"):
            return PostReadControl(critical, self.read_selection())
        if choice <= 6 and kind in ("modify", "delete", "rename"):
            return PreReadControl(critical, self.read_selection())
        if choice == 7:
            return control(MANAGE_DSA_IT, critical)
        if choice == 8:
            return control(self.pick([UNKNOWN_CONTROL, PERMISSIVE if operation.may_be_permissive else UNKNOWN_CONTROL]), critical)
        if choice == 9 and kind != "compare":
            return control(NO_OP, critical)
        if choice == 10 and not operation.touches_unique_values:
            return control(RELAX, critical)
        identity = self.pick(["dn:" + ROOT_DN, "dn:" + ROOT_DN, "nonsense", "dn:nonsense"])
        return control(PROXY, True, identity.encode())

    def with_controls(self, operation):
        """The operation with one control or two, each at most once."""
        if self.chance(0.65):
            return operation
        chosen = {}
        for _ in range(self.pick([1, 1, 1, 2])):
            made = self.change_control(operation)
            chosen[made.controlType] = made
        operation.options["controls"] = list(chosen.values())
        return operation

    def compare(self):
        attribute = self.pick([a for a in ATTRIBUTES if a != "entryDN"])
        return Operation("compare", (self.name(), attribute, self.value(attribute)))

    def new_entry(self):
        self.serial += 1
        label = f"d{self.serial}"
        kind = self.source.randrange(5)
        word = self.pick(self.words)
        if kind == 0:
            rdn, entry = f"cn={label}", {"objectClass": ["person"], "cn": [label], "sn": [word]}
        elif kind == 1:
            rdn, entry = f"ou={label}", {"objectClass": ["organizationalUnit"], "ou": [label]}
        elif kind == 2:
            rdn, entry = f"cn={label}+sn=x", {"objectClass": ["inetOrgPerson"], "cn": [label, word], "sn": ["x"], "mail": [f"{label}@d.example"]}
        else:
            rdn, entry = f"uid={label}", {
                "objectClass": ["inetOrgPerson", "zimbraAccount", "amavisAccount"], "uid": [label], "cn": [word + " " + label], "sn": [word], "zimbraId": [label],
                "zimbraAccountStatus": ["active"], "displayName": [f"{word} {self.pick(self.words)}"], "mail": [f"{label}@d.example"], "zimbraMailQuota": [str(self.serial)],
                "givenName": [self.pick(self.words)], "zimbraCreateTimestamp": ["20220101000000Z"], "zimbraHideInGal": [self.pick(["TRUE", "FALSE"])]}
        return rdn, entry

    def add(self):
        rdn, entry = self.new_entry()
        parent = self.name(0.08)
        if self.chance(0.3):
            kind = self.source.randrange(9)
            name = self.pick([n for n in entry])
            if kind == 0:
                del entry[name]
            elif kind == 1:
                entry["noSuchAttribute"] = ["x"]
            elif kind == 2:
                entry[name] = entry[name] + [entry[name][0].upper()]
            elif kind == 3:
                entry[name] = ["x", "y"]
            elif kind == 4:
                entry[self.pick(["mail", "zimbraId"])] = [self.pick(self.values["mail"])]
            elif kind == 5:
                entry[self.pick(["seeAlso", "zimbraMailQuota", "zimbraHideInGal", "zimbraCreateTimestamp", "telephoneNumber"])] = [self.pick(["x", "", "TRUE", "5", "cn=x"])]
            elif kind == 6:
                entry["objectClass"] = entry["objectClass"] + [self.pick(CLASSES)]
            elif kind == 7:
                entry[self.pick(["entryUUID", "createTimestamp", "structuralObjectClass", "hasSubordinates", "modifiersName"])] = ["x"]
            else:
                rdn = self.pick(["cn=other", "dc=x", "nonsense", self.pick(self.names).split(",")[0], rdn.upper()])
        return Operation("add", (f"{rdn},{parent}" if parent else rdn, entry))

    def modify(self):
        changes = []
        for _ in range(self.pick([1, 1, 1, 2, 3, 4])):
            attribute = self.pick(["description", "displayName", "givenName", "title", "cn", "sn", "mail", "telephoneNumber", "zimbraMailQuota", "zimbraHideInGal", "ou", "l", "seeAlso",
                                   "zimbraMailAlias", "zimbraNotes", "zimbraId", "objectClass", "description;lang-en", "uid", "zimbraCreateTimestamp", "noSuchAttribute",
                                   "createTimestamp", "entryUUID", "employeeNumber", "zimbraAccountStatus"])
            kind = self.pick(["add", "add", "replace", "replace", "delete", "delete", "increment"])
            values = [self.pick(CLASSES) if attribute == "objectClass" else self.value(attribute) for _ in range(self.pick([1, 1, 1, 2, 3]))]
            if kind == "delete" and self.chance(0.5) or kind == "replace" and self.chance(0.2):
                values = None
            if kind == "increment":
                attribute, values = self.pick(["zimbraMailQuota", "zimbraMailQuota", "description"]), [self.pick(["1", "-5", "100", "x"])]
            changes.append((kind, attribute, values))
        return Operation("modify", (self.name(0.05), *changes))

    def rename(self):
        dn = self.name(0.05)
        rdn = split_dn(dn)[0]
        kind = self.source.randrange(6)
        self.serial += 1
        if kind == 0:
            rdn = rdn.upper() if rdn.isascii() and "\\" not in rdn else rdn
        elif kind == 1:
            rdn = self.pick(["nonsense", "dc=x", "cn=a,cn=b", "noSuchAttribute=x", "cn=" + self.pick(self.words).replace(",", "")])
        elif kind in (2, 3):
            rdn = rdn.split("=")[0] + f"=n{self.serial}"
        superior = None if self.chance(0.5) else self.name(0.08)
        return Operation("rename", (dn, rdn, superior or None), {"delete_old": self.chance(0.7)})

    def delete(self):
        return Operation("delete", (self.name(0.05),))

    def next(self):
        """Searches most of the time; the changes leave enough of the tree to search in."""
        kind = self.source.random()
        if kind < 0.60:
            return self.search()
        if kind < 0.68:
            return self.with_controls(self.compare())
        if kind < 0.79:
            return self.with_controls(self.add())
        if kind < 0.91:
            return self.with_controls(self.modify())
        return self.with_controls(self.rename() if kind < 0.96 else self.delete())

    def learn(self, operation, code):
        """Keeps the list of names in step with what succeeded."""
        if code != SUCCESS:
            return
        if operation.kind == "add":
            self.names.append(operation.arguments[0])
            for name, values in operation.arguments[1].items():
                self.values.setdefault(name.lower(), []).extend(values)
        elif operation.kind == "delete":
            gone = lower_dn(operation.arguments[0])
            self.names = [n for n in self.names if lower_dn(n) != gone]
        elif operation.kind == "rename":
            dn, rdn, superior = operation.arguments
            old, parts = lower_dn(dn), split_dn(dn)
            tail = superior if superior is not None else ",".join(parts[1:])
            new = f"{rdn},{tail}" if tail else rdn
            depth = len(old)
            self.names = [",".join(split_dn(n)[:-depth] + [new]) if lower_dn(n)[-depth:] == old else n for n in self.names]
        elif operation.kind == "modify":
            for _, name, values in operation.arguments[1:]:
                self.values.setdefault(name.split(";")[0].lower(), []).extend(values or [])


# --- running ---------------------------------------------------------------------------------------------------------------------

class Report:
    def __init__(self):
        self.differences, self.explained, self.codes, self.entries = [], {}, {}, 0

    def __str__(self):
        codes = ", ".join(f"{c}: {n}" for c, n in sorted(self.codes.items()))
        explained = ", ".join(f"{k}: {n}" for k, n in sorted(self.explained.items())) or "none"
        return (f"result codes {codes}\nentries compared: {self.entries}; intended differences: {explained}; others: {len(self.differences)}\n"
                + "\n".join(self.differences))


def describe(index, operation, a, b):
    lines = [f"--- operation {index}: {operation}", f"    slapd: {a}", f"    other: {b}"]
    if operation.kind == "search" and a.code == b.code and not operation.counted:
        left, right = dict(map(lambda e: (repr(e[0]), e[1]), a.entries)), dict(map(lambda e: (repr(e[0]), e[1]), b.entries))
        lines += [f"    only slapd: {n}" for n in sorted(left.keys() - right.keys())[:5]]
        lines += [f"    only other: {n}" for n in sorted(right.keys() - left.keys())[:5]]
        for name in sorted(left.keys() & right.keys()):
            if left[name] != right[name]:
                keys = [k for k in sorted(left[name].keys() | right[name].keys()) if left[name].get(k) != right[name].get(k)]
                lines.append(f"    {name}: " + "; ".join(f"{k}: {left[name].get(k)} / {right[name].get(k)}" for k in keys[:4]))
                break
    return "\n".join(lines)[:3000]


def run(first, second, seed, operations, limit=20, progress=None):
    """Operations from `seed` on both clients; a Report. Stops at `limit` differences."""
    report = Report()
    entries = sorted(first.search("", attributes=["*"], controls=[control(MANAGE_DSA_IT, True)]).entries)
    generator = Generator(seed, entries)

    def both(index, operation):
        a, b = (Outcome(operation, operation.run(c), c) for c in (first, second))
        report.codes[a.code] = report.codes.get(a.code, 0) + 1
        report.entries += len(a.entries)
        if a.comparable != b.comparable:
            known = next((d for d in DIFFERENCES if d.applies(operation, a, b)), None)
            if known:
                report.explained[known.name] = report.explained.get(known.name, 0) + 1
                if operation.kind == "add" and (a.code == SUCCESS) != (b.code == SUCCESS):
                    (first if a.code == SUCCESS else second).delete(operation.arguments[0], controls=[control(MANAGE_DSA_IT, True)])
            else:
                report.differences.append(describe(index, operation, a, b))
        return a

    for index in range(operations):
        operation = generator.next()
        outcome = both(index, operation)
        generator.learn(operation, outcome.code)
        if operation.kind in ("modify", "rename", "add") and outcome.code == SUCCESS:
            both(index, Operation("search", (operation.arguments[0], "base", "(objectClass=*)", ["*", "+"])))
        if len(report.differences) >= limit:
            report.differences.append(f"stopped after {index + 1} operations")
            break
        if progress and index % 1000 == 999:
            progress(f"{index + 1} operations, {len(report.differences)} differences")
    both("whole tree", Operation("search", ("", "sub", "(objectClass=*)", ["*", "+"])))
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=5000)
    parser.add_argument("--accounts", type=int, default=150)
    parser.add_argument("--other", choices=["muster", "slapd"], default="muster")
    parser.add_argument("--limit", type=int, default=20)
    a = parser.parse_args()
    os.environ["LDAPNOINIT"] = "1"
    from conftest import generate
    with tempfile.TemporaryDirectory() as folder:
        data = generate(folder, accounts=a.accounts, seed=a.seed)
        servers = [Slapd(pathlib.Path(folder) / "first", rules="none"),
                   Slapd(pathlib.Path(folder) / "second", rules="none") if a.other == "slapd" else
                   Muster(pathlib.Path(folder) / "second", environment=PLAIN)]
        try:
            hard = pathlib.Path(folder) / "adversarial.ldif"
            adversarial.write(hard, a.seed)
            for server in servers:
                server.load(data, hard)
                server.start()
            started = time.monotonic()
            clients = [Client(server.url, ROOT_DN, ROOT_PASSWORD) for server in servers]
            report = run(*clients, a.seed, a.operations, a.limit, progress=lambda line: print(line, flush=True))
            print(report)
            print(f"{time.monotonic() - started:.1f} s")
        finally:
            for server in servers:
                server.stop()
        if a.other == "muster" and not report.differences:
            servers[1].check()
    sys.exit(1 if report.differences else 0)


if __name__ == "__main__":
    main()
