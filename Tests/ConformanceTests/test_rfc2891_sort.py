"""RFC 2891 (server-side sorting), draft-ietf-ldapext-ldapv3-vlv-09 (virtual list view), both with paged results and on indexes."""
import dataclasses

import pytest
from ldap.controls import SimplePagedResultsControl

import wire
from client import (NO_SUCH_ATTRIBUTE, PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION, UNWILLING_TO_PERFORM,
                    Client, control)
from servers import ROOT_DN, ROOT_PASSWORD, Muster, new_server

SORT, SORTED, VLV, VIEWED = ("1.2.840.113556.1.4.473", "1.2.840.113556.1.4.474", "2.16.840.1.113730.3.4.9", "2.16.840.1.113730.3.4.10")
PAGED = "1.2.840.113556.1.4.319"
INAPPROPRIATE_MATCHING, VLV_ERROR, SORT_CONTROL_MISSING, OFFSET_RANGE_ERROR = 18, 76, 60, 61
IGNORING_CASE = "caseIgnoreOrderingMatch"


def sort(*keys, critical=True):
    """Each key: attribute, or (attribute, rule or None, reversed)."""
    items = []
    for key in keys:
        name, rule, backwards = key if isinstance(key, tuple) else (key, None, False)
        items.append(wire.sequence(wire.text(name), *([wire.text(rule, 0x80)] if rule else []), *([wire.boolean(True, 0x81)] if backwards else [])))
    return control(SORT, critical, wire.sequence(*items))


def view(before, after, offset=None, count=0, value=None, critical=True):
    target = wire.tlv(0xa0, wire.integer(offset), wire.integer(count)) if value is None else wire.text(value, 0x81)
    return control(VLV, critical, wire.sequence(wire.integer(before), wire.integer(after), target))


@dataclasses.dataclass
class Answer:
    code: int
    names: list
    sorted: int | None = None
    blamed: str | None = None
    view: tuple | None = None
    cookie: bytes = b""
    references: int = 0


def ask(server, base, *controls, attributes=("1.1",), **more):
    """On a connection of its own, with the response controls' octets."""
    with wire.Wire(server.address) as connection:
        connection.bind(ROOT_DN, ROOT_PASSWORD)
        sent = [wire.control(c.controlType, c.criticality, c.encodeControlValue()) for c in controls]
        connection.send(wire.message(7, wire.search(base, more.pop("scope", 1), attributes=attributes, **more), *sent))
        answer = Answer(0, [])
        while True:
            message = connection.receive()
            if message.tag == 0x73:
                answer.references += 1
                continue
            fields = wire.elements(message.contents)
            if message.tag == 0x64:
                answer.names.append(fields[0][1].decode().split(",")[0].split("=")[1])
                continue
            answer.code = message.code
            for _, body in message.controls and [(0x30, c) for c in message.controls] or []:
                parts = wire.elements(body) if isinstance(body, bytes) else body
                oid, value = parts[0][1].decode(), parts[-1][1]
                values = wire.elements(wire.elements(value)[0][1])
                if oid == SORTED:
                    answer.sorted = values[0][1][0]
                    answer.blamed = values[1][1].decode() if len(values) > 1 else None
                elif oid == VIEWED:
                    answer.view = tuple(int.from_bytes(v, "big") for _, v in values[:3])
                elif oid == PAGED:
                    answer.cookie = values[1][1]
            return answer


@pytest.fixture(scope="module")
def people(server, root):
    top = "ou=sorted,dc=acme,dc=example"
    assert root.add(top, {"objectClass": "organizationalUnit", "ou": "sorted"}).code == SUCCESS
    for name, sn, description, number in [("e1", "b", ["m", "c"], "30"), ("e2", "A", ["d"], "4"), ("e3", "c", [], "100"), ("e4", "B", ["a", "z"], None)]:
        entry = {"objectClass": ["inetOrgPerson", "zimbraAccount", "amavisAccount"], "cn": name, "sn": sn, "zimbraId": "sorted-" + name, "uid": name,
                 "zimbraAccountStatus": "active"}
        if description:
            entry["description"] = description
        if number:
            entry["zimbraMailQuota"] = number
        result = root.add(f"cn={name},{top}", entry)
        assert result.code == SUCCESS, result
    yield top
    root.remove_tree(top)


@pytest.mark.parametrize("keys,expected", [
    ([("sn", IGNORING_CASE, False)], "e2 e1 e4 e3"), ([("sn", "2.5.13.3", True)], "e3 e1 e4 e2"), ([("sn", "caseExactOrderingMatch", False)], "e2 e4 e1 e3"),
    # Of several values the least counts; without one: behind all others, in reverse order before them.
    ([("description", IGNORING_CASE, False)], "e4 e1 e2 e3"), ([("description", IGNORING_CASE, True)], "e3 e2 e1 e4"),
    ([("sn", IGNORING_CASE, False), ("cn", IGNORING_CASE, True)], "e2 e4 e1 e3")])
def test_order(server, people, keys, expected):
    if "caseExact" in str(keys) and server.kind == "slapd":
        pytest.skip("slapd orders these letters without regard to case")
    answer = ask(server, people, sort(*keys))
    assert (answer.code, " ".join(answer.names)) == (SUCCESS, expected)
    if server.kind == "muster":
        assert answer.sorted == 0


@pytest.mark.muster
@pytest.mark.parametrize("keys,expected", [
    (["sn"], "e2 e1 e4 e3"), ([("sn", None, True)], "e3 e1 e4 e2"), (["2.5.4.4"], "e2 e1 e4 e3"), (["description"], "e4 e1 e2 e3"),
    (["zimbraMailQuota"], "e2 e1 e3 e4"), ([("zimbraMailQuota", None, True)], "e4 e3 e1 e2"), ([("entryDN", None, True)], "e4 e3 e2 e1"),
    (["createTimestamp", ("cn", None, True)], None), (["sn", "zimbraMailQuota"], "e2 e1 e4 e3"), (["cn;lang-en"], "e1 e2 e3 e4")])
def test_order_of_types_without_an_ordering_rule(server, people, keys, expected):
    """slapd sorts by types that have one only; here the canonical form of the equality rule orders them, too."""
    answer = ask(server, people, sort(*keys))
    assert (answer.code, answer.sorted) == (SUCCESS, 0)
    assert expected is None or " ".join(answer.names) == expected


@pytest.mark.difference("RFC 2891 section 2: unavailableCriticalExtension and the sort result; slapd ends the search with the sort result's code")
@pytest.mark.parametrize("key,code", [("noSuchAttribute", NO_SUCH_ATTRIBUTE), ("jpegPhoto", INAPPROPRIATE_MATCHING),
                                      (("sn", "noSuchMatch", False), INAPPROPRIATE_MATCHING), (("sn", "caseIgnoreMatch", False), INAPPROPRIATE_MATCHING)])
def test_what_cannot_be_sorted(server, people, key, code):
    blamed = key if isinstance(key, str) else key[0]
    answer = ask(server, people, sort(key))
    assert (answer.code, answer.sorted, answer.blamed, answer.names) == (UNAVAILABLE_CRITICAL_EXTENSION, code, blamed, [])
    answer = ask(server, people, sort(key, critical=False))
    assert (answer.code, answer.sorted, answer.blamed, sorted(answer.names)) == (SUCCESS, code, blamed, ["e1", "e2", "e3", "e4"])


@pytest.mark.parametrize("value", [None, b"", b"\x30\x00", b"\x30\x02\x30\x00", b"\x04\x00"])
def test_malformed_sort(server, people, value):
    assert ask(server, people, control(SORT, True, value)).code == PROTOCOL_ERROR


def test_no_entries_to_sort(server, people):
    answer = ask(server, people, sort(("sn", IGNORING_CASE, False)), filter=wire.equality("cn", "none"))
    assert (answer.code, answer.names) == (SUCCESS, [])


@pytest.mark.muster
def test_size_limit(server, people):
    """What is sent is the beginning of the sorted result."""
    answer = ask(server, people, sort("sn"), size=2)
    assert (answer.code, answer.names) == (SIZE_LIMIT_EXCEEDED, ["e2", "e1"])


def pages(server, base, size, *controls, **more):
    names, cookie = [], b""
    while True:
        answer = ask(server, base, SimplePagedResultsControl(True, size, cookie), *controls, **more)
        assert answer.code == SUCCESS, answer
        assert len(answer.names) <= size
        names.append(answer.names)
        if not answer.cookie:
            return names
        cookie = answer.cookie


@pytest.mark.muster
def test_pages(server, people):
    assert pages(server, people, 2, sort("sn")) == [["e2", "e1"], ["e4", "e3"]]
    assert pages(server, people, 3, sort(("description", None, True))) == [["e3", "e2", "e1"], ["e4"]]


@pytest.mark.muster
@pytest.mark.parametrize("arguments,names,position", [
    (dict(before=0, after=1, offset=1), "e2 e1", 1), (dict(before=1, after=1, offset=2, count=4), "e2 e1 e4", 2),
    (dict(before=1, after=1, offset=3, count=4), "e1 e4 e3", 3), (dict(before=0, after=10, offset=4, count=4), "e3", 4),
    (dict(before=9, after=9, offset=2), "e2 e1 e4 e3", 2), (dict(before=0, after=0, offset=9), "e3", 4),
    (dict(before=0, after=0, offset=50, count=100), "e1", 2), (dict(before=1, after=0, offset=100, count=100), "e4 e3", 4),
    (dict(before=0, after=1, value="B"), "e1 e4", 2), (dict(before=1, after=0, value="bb"), "e4 e3", 4), (dict(before=2, after=2, value="zz"), "e4 e3", 5),
    (dict(before=0, after=0, value=""), "e2", 1)])
def test_views(server, people, arguments, names, position):
    answer = ask(server, people, sort("sn"), view(**arguments))
    assert (answer.code, answer.sorted, " ".join(answer.names), answer.view) == (SUCCESS, 0, names, (position, 4, 0))


@pytest.mark.muster
def test_view_of_a_reversed_list(server, people):
    answer = ask(server, people, sort(("sn", None, True)), view(0, 1, value="b"))
    assert (answer.names, answer.view) == (["e1", "e4"], (2, 4, 0))
    answer = ask(server, people, sort("sn"), view(0, 1, 1), filter=wire.equality("cn", "none"))
    assert (answer.code, answer.names, answer.view) == (SUCCESS, [], (0, 0, 0))


def test_view_without_sorting(server, people):
    answer = ask(server, people, view(0, 0, 1))
    assert (answer.code, answer.names) == (VLV_ERROR, [])
    if server.kind == "muster":
        assert answer.view[2] == SORT_CONTROL_MISSING


def test_view_and_pages(server, people):
    assert ask(server, people, sort(("sn", IGNORING_CASE, False)), view(0, 0, 1), SimplePagedResultsControl(True, 2, "")).code == UNWILLING_TO_PERFORM


@pytest.mark.muster
def test_view_of_a_place_that_is_none(server, people):
    answer = ask(server, people, sort("sn"), view(0, 0, 0))
    assert (answer.code, answer.names) == (VLV_ERROR, [])
    assert ask(server, people, control(VLV, True, wire.sequence(wire.integer(-1), wire.integer(0), wire.text("x", 0x81))), sort("sn")).code == PROTOCOL_ERROR


@pytest.mark.muster
def test_who_may_not_search_for_an_attribute_learns_nothing_of_it(connect, people):
    """Passwords do not order entries for those who may not search for them."""
    client = connect("uid=ada,ou=conformance,dc=acme,dc=example", "lovelace")
    names = lambda *controls: [n for n, _ in client.search("ou=conformance,dc=acme,dc=example", "one", "(uid=*)", ["1.1"], controls=list(controls)).entries]
    assert names(sort(("userPassword", "octetStringOrderingMatch", False))) == names(sort(("userPassword", "octetStringOrderingMatch", True))) == names()


# --- on indexes, with more entries than are sorted in memory ------------------------------------------------------------------

@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """6,000 people whose surnames are indexed, some with several, some with options only, forty without a title."""
    folder = tmp_path_factory.mktemp("many")
    lines = ["dn: dc=many", "objectClass: domain", "dc: many", ""]
    model = []
    for number in range(6000):
        first = (number * 7919) % 3000
        names = [f"name {first:05d}"] + ([f"Name {(number * 31) % 3000:05d} x"] if number % 5 == 0 else [])
        lines += [f"dn: uid=u{number},dc=many", "objectClass: inetOrgPerson", f"uid: u{number}", f"cn: {number}"] + [f"sn: {n}" for n in names]
        title = None if number % 150 == 0 else f"title {number % 97:03d}"
        lines += ([f"title: {title}"] if title else []) + [""]
        model.append((f"u{number}", min(n.lower() for n in names), title))
    (folder / "many.ldif").write_text("\n".join(lines))
    server = Muster(folder, environment={"MUSTER_INDEXES": "sn eq,title eq"})
    server.load(folder / "many.ldif")
    server.start()
    server.model = model
    yield server
    server.stop()


def expected(model, key, backwards=False):
    """Names in order; ties in the order of the entries."""
    with_value = sorted((m for m in model if m[key] is not None), key=lambda m: m[key], reverse=backwards)
    without = [m for m in model if m[key] is None]
    return [m[0] for m in (without + with_value if backwards else with_value + without)]


@pytest.mark.muster
@pytest.mark.parametrize("attribute,key", [("sn", 1), ("title", 2)])
@pytest.mark.parametrize("backwards", [False, True])
def test_an_index_has_them_in_order(many, attribute, key, backwards):
    wanted = expected(many.model, key, backwards)
    order = sort((attribute, None, backwards))
    assert ask(many, "dc=many", order).names == wanted
    assert sum(pages(many, "dc=many", 700, order), []) == wanted
    assert ask(many, "dc=many", order, size=30).names == wanted[:30]


@pytest.mark.muster
@pytest.mark.parametrize("backwards", [False, True])
def test_views_on_an_index(many, backwards):
    wanted = expected(many.model, 1, backwards)
    order = sort(("sn", None, backwards))
    for offset in (1, 2, 777, 3000, 5999, 6000):
        answer = ask(many, "dc=many", order, view(3, 4, offset, 6000))
        assert (answer.names, answer.view) == (wanted[max(0, offset - 4):offset + 4], (offset, 6000, 0))
    least = dict((m[0], m[1]) for m in many.model)
    for value in ("name 00000", "NAME 01500", "name 01500x", "a", "z"):
        after = [i for i, name in enumerate(wanted) if (least[name] <= value.lower() if backwards else least[name] >= value.lower())]
        place = after[0] if after else 6000
        answer = ask(many, "dc=many", order, view(3, 4, value=value))
        assert answer.view == (place + 1, 6000, 0)
        assert answer.names == wanted[max(0, place - 3):place + 5]


@pytest.mark.muster
@pytest.mark.parametrize("key", ["sn", "cn"])
def test_views_far_out_of_range(many, key):
    """Hostile input, group 12: numbers as large as INTEGER (0..maxInt) goes, on an index and sorted in memory; what is beyond is no control."""
    largest = 2**31 - 1
    for before, after, offset, count in [(0, 0, largest, 0), (largest, largest, 1, largest), (0, 0, largest, largest), (largest, 0, largest, 1),
                                         (0, largest, 3000, 6000), (0, 0, 1, largest), (largest, largest, largest, largest)]:
        answer = ask(many, "dc=many", sort(key), view(before, after, offset, count), size=10)
        assert answer.code in (SUCCESS, SIZE_LIMIT_EXCEEDED, VLV_ERROR), (before, after, offset, count, answer)
        assert len(answer.names) <= 10 and answer.view[1] == 6000
    for before, after, offset, count in [(-1, 0, 1, 0), (0, -1, 1, 0), (0, 0, -1, 0), (0, 0, 1, -1), (2**31, 0, 1, 0), (0, 0, 2**31, 0), (0, 0, 1, 2**63), (0, 2**70, 1, 0)]:
        assert ask(many, "dc=many", sort(key), view(before, after, offset, count)).code == PROTOCOL_ERROR, (before, after, offset, count)
    assert ask(many, "dc=many", sort(key), view(0, 0, value="\0" * 100_000)).code in (SUCCESS, VLV_ERROR)
    assert many.alive()


@pytest.mark.muster
def test_filter_and_index(many):
    """Candidates that do not satisfy the filter are passed over."""
    kept = [m for m in many.model if int(m[0][1:]) % 10 != 3]
    filter = wire.tlv(0xa2, wire.tlv(0xa4, wire.text("uid"), wire.sequence(wire.text("3", 0x82))))
    assert ask(many, "dc=many", sort("sn"), filter=filter).names == expected(kept, 1)
    assert sum(pages(many, "dc=many", 999, sort("sn"), filter=filter), []) == expected(kept, 1)
    answer = ask(many, "dc=many", sort("sn"), view(0, 5, 100), filter=filter)
    assert (answer.names, answer.view) == (expected(kept, 1)[99:105], (100, len(kept), 0))


@pytest.mark.muster
def test_cookies_are_for_one_search(many):
    first = ask(many, "dc=many", sort("sn"), SimplePagedResultsControl(True, 5, ""))
    changed = first.cookie[:-1] + bytes([first.cookie[-1] ^ 1])
    for order, cookie in ((sort("title"), first.cookie), (sort(("sn", None, True)), first.cookie), (sort("sn"), changed), (sort("sn"), b"x" * 40)):
        assert ask(many, "dc=many", order, SimplePagedResultsControl(True, 5, cookie)).code == UNWILLING_TO_PERFORM
    assert ask(many, "dc=many", sort("sn"), SimplePagedResultsControl(True, 0, first.cookie)).names == []
