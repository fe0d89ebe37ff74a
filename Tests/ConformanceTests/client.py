"""A thin LDAP client over python-ldap whose every operation returns a Result, whatever its code."""
from __future__ import annotations

import dataclasses
import re

import ldap
import ldap.controls
import ldap.extop
from ldap.controls import RequestControl

SUCCESS = 0
OPERATIONS_ERROR = 1
PROTOCOL_ERROR = 2
TIME_LIMIT_EXCEEDED = 3
SIZE_LIMIT_EXCEEDED = 4
COMPARE_FALSE = 5
COMPARE_TRUE = 6
AUTH_METHOD_NOT_SUPPORTED = 7
STRONGER_AUTH_REQUIRED = 8
REFERRAL = 10
ADMIN_LIMIT_EXCEEDED = 11
UNAVAILABLE_CRITICAL_EXTENSION = 12
NO_SUCH_ATTRIBUTE = 16
UNDEFINED_ATTRIBUTE_TYPE = 17
INAPPROPRIATE_MATCHING = 18
CONSTRAINT_VIOLATION = 19
ATTRIBUTE_OR_VALUE_EXISTS = 20
INVALID_ATTRIBUTE_SYNTAX = 21
NO_SUCH_OBJECT = 32
ALIAS_PROBLEM = 33
INVALID_DN_SYNTAX = 34
INAPPROPRIATE_AUTHENTICATION = 48
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS_RIGHTS = 50
BUSY = 51
UNAVAILABLE = 52
UNWILLING_TO_PERFORM = 53
NAMING_VIOLATION = 64
OBJECT_CLASS_VIOLATION = 65
NOT_ALLOWED_ON_NON_LEAF = 66
NOT_ALLOWED_ON_RDN = 67
ENTRY_ALREADY_EXISTS = 68
OBJECT_CLASS_MODS_PROHIBITED = 69
OTHER = 80
ASSERTION_FAILED = 122
SERVER_DOWN = -1

SCOPES = {"base": 0, "one": 1, "sub": 2, "children": 3}


@dataclasses.dataclass
class Result:
    """What an operation ended with. `entries` are (DN, {attribute: [values]}) in the order received."""

    code: int
    matched: str = ""
    message: str = ""
    entries: list = dataclasses.field(default_factory=list)
    references: list = dataclasses.field(default_factory=list)
    controls: list = dataclasses.field(default_factory=list)
    name: str | None = None
    value: bytes | None = None

    @property
    def names(self):
        """The DNs of the entries, in lower case, as a set."""
        return {dn.lower() for dn, _ in self.entries}

    @property
    def only(self):
        """The attributes of the one entry there must be."""
        assert self.code == 0 and len(self.entries) == 1, self
        return self.entries[0][1]

    def control(self, oid):
        """The decoded response control of that OID, or None."""
        return next((c for c in self.controls if c.controlType == oid), None)


def _failure(error: ldap.LDAPError, **more) -> Result:
    info = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    code = info.get("result")
    if code is None:
        code = getattr(type(error), "errnum", SERVER_DOWN)
    return Result(code, info.get("matched") or "", info.get("info") or "",
                  controls=_decoded(info.get("ctrls") or []), **more)


def _decoded(controls):
    if controls and isinstance(controls[0], tuple):
        return ldap.controls.DecodeControlTuples(controls)
    return list(controls or [])


def octets(value):
    """Text as UTF-8; octets as they are."""
    return value.encode() if isinstance(value, str) else value


def values(attributes):
    """`{name: "x" | ["x", …]}` with every value as octets."""
    return {k: [octets(v) for v in (vs if isinstance(vs, (list, tuple, set)) else [vs])] for k, vs in attributes.items()}


class Client:
    """One connection. Nothing here raises for a result code: the code is in the Result."""

    def __init__(self, url, dn=None, password=None, timeout=30):
        self.url = url
        self.connection = ldap.initialize(url, bytes_mode=False)
        self.connection.protocol_version = 3
        self.connection.set_option(ldap.OPT_REFERRALS, 0)
        self.connection.set_option(ldap.OPT_NETWORK_TIMEOUT, timeout)
        self.connection.set_option(ldap.OPT_TIMEOUT, timeout)
        if dn is not None:
            result = self.bind(dn, password)
            assert result.code == SUCCESS, f"bind as {dn}: {result}"

    def close(self):
        try:
            self.connection.unbind_s()
        except ldap.LDAPError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _wait(self, start):
        entries, references = [], []
        try:
            message = start()
            while True:
                kind, data, _, controls, name, value = self.connection.result4(message, all=0, add_ctrls=1, add_extop=1)
                for item in data or []:
                    if kind == ldap.RES_SEARCH_ENTRY:
                        dn, attributes, entry_controls = item
                        entries.append((dn, attributes))
                    elif kind == ldap.RES_SEARCH_REFERENCE:
                        references.append(item[1])
                if kind not in (ldap.RES_SEARCH_ENTRY, ldap.RES_SEARCH_REFERENCE, ldap.RES_INTERMEDIATE):
                    return Result(SUCCESS, entries=entries, references=references, controls=_decoded(controls),
                                  name=name, value=value)
        except ldap.LDAPError as error:
            return _failure(error, entries=entries, references=references)

    def bind(self, dn, password="", controls=None):
        return self._wait(lambda: self.connection.simple_bind(dn, password, serverctrls=controls))

    def search(self, base, scope="sub", filter="(objectClass=*)", attributes=None, types_only=False, size_limit=0,
               time_limit=-1, controls=None, dereference=0):
        """`dereference`: 0 never, 1 in searching, 2 finding the base, 3 always."""
        self.connection.set_option(ldap.OPT_DEREF, dereference)
        try:
            return self._wait(lambda: self.connection.search_ext(
                base, SCOPES[scope], filter, attributes, int(types_only), serverctrls=controls, timeout=time_limit,
                sizelimit=size_limit))
        finally:
            self.connection.set_option(ldap.OPT_DEREF, 0)

    def read(self, dn, attributes=None, filter="(objectClass=*)", controls=None):
        return self.search(dn, "base", filter, attributes, controls=controls)

    def add(self, dn, attributes, controls=None):
        return self._wait(lambda: self.connection.add_ext(dn, list(values(attributes).items()), serverctrls=controls))

    def modify(self, dn, *changes, controls=None):
        """Each change is (`add`, `delete`, `replace` or `increment`, attribute, values or None)."""
        kinds = {"add": 0, "delete": 1, "replace": 2, "increment": 3}
        encoded = []
        for kind, attribute, given in changes:
            if given is None:
                given = [] if kind == "replace" else None
            elif isinstance(given, (str, bytes)):
                given = [octets(given)]
            else:
                given = [octets(v) for v in given]
            encoded.append((kinds[kind], attribute, given))
        return self._wait(lambda: self.connection.modify_ext(dn, encoded, serverctrls=controls))

    def delete(self, dn, controls=None):
        return self._wait(lambda: self.connection.delete_ext(dn, serverctrls=controls))

    def rename(self, dn, rdn, superior=None, delete_old=True, controls=None):
        return self._wait(lambda: self.connection.rename(dn, rdn, superior, int(delete_old), serverctrls=controls))

    def compare(self, dn, attribute, value, controls=None):
        return self._wait(lambda: self.connection.compare_ext(dn, attribute, octets(value), serverctrls=controls))

    def extended(self, oid, value=None, controls=None):
        request = ldap.extop.ExtendedRequest(oid, value)
        request.encodedRequestValue = lambda: value
        return self._wait(lambda: self.connection.extop(request, serverctrls=controls))

    def whoami(self, controls=None):
        result = self.extended("1.3.6.1.4.1.4203.1.11.3", controls=controls)
        return (result.value or b"").decode() if result.code == SUCCESS else result.code

    def password(self, dn, old, new):
        return self._wait(lambda: self.connection.passwd(dn, old, new))

    def remove_tree(self, dn):
        """Deletes an entry and all below it, leaves first, without any control."""
        found = self.search(dn, "sub", attributes=["1.1"])
        for name, _ in sorted(found.entries, key=lambda e: -len(split_dn(e[0]))):
            self.delete(name)


def control(oid, critical=False, value=None):
    """A control with the value's octets as given."""
    return RequestControl(oid, critical, value)


def split_dn(dn):
    """The RDNs of a DN in string form, split at commas that are not escaped."""
    return re.split(r"(?<!\\),", dn) if dn else []


def lower_keys(attributes):
    return {k.lower(): v for k, v in attributes.items()}
