"""RFC 4511 section 4.5.1.7 and RFC 4515: every kind of filter, three-valued logic, matching as RFC 4517 and 4518 define it."""
import pytest

import wire
from client import PROTOCOL_ERROR, SUCCESS
from conftest import PEOPLE

DEEP = "ou=deep," + PEOPLE
ALL = {"ada", "bob", "chloe", "dieter"}


def found(client, filter, scope="one", base=PEOPLE):
    result = client.search(base, scope, filter, ["1.1"])
    assert result.code == SUCCESS, (filter, result)
    return {dn.split(",")[0].split("=")[1].lower() for dn, _ in result.entries}


@pytest.mark.parametrize("filter,expected", [
    # equality
    ("(uid=ada)", {"ada"}), ("(UID=ADA)", {"ada"}), ("(0.9.2342.19200300.100.1.1=ada)", {"ada"}), ("(userid=ada)", {"ada"}),
    ("(uid=ada )", {"ada"}), ("(uid=\\61\\64\\61)", {"ada"}), ("(uid=nobody)", set()),
    ("(cn=Augusta Ada King)", {"ada"}), ("(cn=augusta   ada king )", {"ada"}), ("(cn=augustaada king)", set()),
    ("(cn=bob van der berg)", {"bob"}), ("(sn=MÜLLER)", {"chloe"}), ("(cn=chloé müller)", {"chloe"}),
    ("(cn=chloe\u0301 mu\u0308ller)", {"chloe"}),                      # decomposed: RFC 4518 normalises
    ("(sn=weiß)", {"dieter"}), ("(title=engineer, senior)", {"dieter"}),
    ("(description=\\28a\\2ab\\29\\5cc)", {"chloe"}), ("(description=(a*b)\\c)", None),
    ("(objectClass=inetOrgPerson)", ALL), ("(objectClass=INETORGPERSON)", ALL), ("(objectClass=2.16.840.1.113730.3.2.2)", ALL),
    ("(objectClass=person)", ALL), ("(objectClass=top)", ALL | {"deep"}), ("(objectClass=zimbraMailRecipient)", {"ada", "bob", "chloe"}),
    ("(objectClass=noSuchClass)", set()), ("(structuralObjectClass=inetOrgPerson)", ALL), ("(structuralObjectClass=person)", None),
    ("(zimbraMailQuota=100)", {"ada"}), ("(zimbraMailQuota=0100)", set()), ("(zimbraMailQuota=2000000000000)", {"chloe"}),
    ("(zimbraHideInGal=TRUE)", {"bob"}), ("(zimbraHideInGal=FALSE)", {"ada"}), ("(zimbraHideInGal=true)", set()),
    ("(telephoneNumber=+442079460001)", {"ada"}), 
    ("(telephoneNumber=+44 20 79460002)", {"bob"}),
    ("(seeAlso=uid=bob,ou=conformance,dc=acme,dc=example)", {"ada"}), ("(seeAlso=UID=Bob, OU=Conformance,dc=acme,dc=EXAMPLE)", {"ada"}),
    ("(zimbraCreateTimestamp=20200101120000Z)", {"ada"}), ("(zimbraCreateTimestamp=202001011200Z)", {"ada"}),
    ("(zimbraCreateTimestamp=20200101130000+0100)", {"ada"}), ("(zimbraCreateTimestamp=20200101120000.000Z)", {"ada"}),
    ("(jpegPhoto=x)", set()),
    # presence
    ("(uid=*)", ALL), ("(telephoneNumber=*)", {"ada", "bob"}), ("(description=*)", {"ada", "chloe"}), ("(jpegPhoto=*)", {"ada"}),
    ("(objectClass=*)", ALL | {"deep"}), ("(noSuchAttribute=*)", set()), ("(entryUUID=*)", ALL | {"deep"}),
    ("(userPassword=*)", set()),     # not theirs to read
    # substrings
    ("(cn=Ada*)", {"ada"}), ("(cn=*lace)", {"ada"}), ("(cn=*ust*da*)", {"ada"}), ("(cn=a*l*e)", {"ada"}), ("(cn=Ada*King)", set()),
    ("(cn=*VAN DER*)", {"bob"}), ("(cn=bob van*)", {"bob"}), ("(cn=bob*der   berg)", {"bob"}), ("(cn=*  berg)", {"bob"}),
    ("(uid=*d*)", {"ada", "dieter"}), ("(uid=*a*a*)", {"ada"}), ("(uid=a*a*a)", set()), ("(uid=ad*da)", set()),
    ("(cn=chlo\u00e9*)", {"chloe"}), ("(cn=*M\u00dcL*)", {"chloe"}), ("(mail=*@CONFORMANCE.example)", {"ada", "bob", "chloe"}),
    ("(telephoneNumber=+44 20*)", {"ada", "bob"}), ("(telephoneNumber=*0002)", {"bob"}), ("(description=*\\2a*)", {"chloe"}),
    # spaces at the ends of pieces: of IA5 strings none counts, of others all but the outermost
    ("(mail=ada *)", {"ada"}), ("(mail=* ADA*)", {"ada"}), ("(cn=* lov*)", {"ada"}), ("(cn=* ada*)", {"ada"}), ("(cn=ada *)", {"ada"}),
    ("(cn=ad *)", set()), ("(cn=*lace )", {"ada"}), ("(uid=* )", ALL), ("(uid=* *)", set()),
    ("(employeeNumber=*0*)", {"bob", "dieter"}), ("(zimbraMailQuota=1*)", set()), ("(noSuchAttribute=a*)", set()),
    ("(seeAlso=uid=bob*)", set()),
    # ordering
    ("(zimbraMailQuota>=100)", None), ("(zimbraMailQuota<=100)", None),
    ("(zimbraCreateTimestamp>=20210615083000Z)", {"bob", "chloe"}), ("(zimbraCreateTimestamp<=20210615083000Z)", {"ada", "bob"}),
    ("(zimbraCreateTimestamp>=20210615093000.1+0100)", {"chloe"}), ("(createTimestamp>=20200101000000Z)", ALL | {"deep"}),
    ("(createTimestamp<=20200101000000Z)", set()), ("(uid>=b)", None),
    # approximate: as equality
    ("(uid~=ada)", {"ada"}), ("(noSuchAttribute~=x)", set()),
    # extensible
    ("(cn:caseExactMatch:=Ada Lovelace)", {"ada"}), ("(cn:caseExactMatch:=ada lovelace)", set()),
    ("(cn:2.5.13.5:=Ada Lovelace)", {"ada"}), ("(cn:caseIgnoreMatch:=ada lovelace)", {"ada"}), ("(uid:=ADA)", {"ada"}),
    ("(cn:noSuchRule:=x)", set()), ("(noSuchAttribute:caseExactMatch:=x)", set()),
    ("(ou:dn:=conformance)", ALL | {"deep"}), ("(ou:dn:caseExactMatch:=CONFORMANCE)", set()), ("(dc:dn:=acme)", ALL | {"deep"}), ("(dc:=acme)", set()),
    ("(sn:caseIgnoreOrderingMatch:=m)", {"ada"}), ("(sn:2.5.13.3:=Lovelace)", set()),
    ("(zimbraCreateTimestamp:generalizedTimeOrderingMatch:=20210615083000Z)", {"ada"}),
    ("(:caseIgnoreMatch:=ada lovelace)", None), ("(zimbraMailQuota:caseIgnoreMatch:=100)", set()),
    ("(zimbraMailQuota:1.2.840.113556.1.4.803:=96)", {"ada", "bob"}), ("(zimbraMailQuota:1.2.840.113556.1.4.804:=3)", {"bob"}),
    ("(entryDN:dnSubtreeMatch:=ou=conformance,dc=acme,dc=example)", ALL | {"deep"}),
    ("(entryDN:dnOneLevelMatch:=ou=conformance,dc=acme,dc=example)", ALL | {"deep"}),
    ("(entryDN:dnSubtreeMatch:=ou=deep,ou=conformance,dc=acme,dc=example)", {"deep"}),
    ("(entryDN:dnSubordinateMatch:=ou=conformance,dc=acme,dc=example)", ALL | {"deep"}),
    ("(entryDN:dnSubtreeMatch:=dc=nowhere)", set()),
    ("(entryDN=uid=ada,ou=conformance,dc=acme,dc=example)", {"ada"}), ("(entryDN=UID=ADA,ou=Conformance,dc=acme,dc=example)", {"ada"}),
    ("(hasSubordinates=TRUE)", {"deep"}), ("(hasSubordinates=FALSE)", ALL),
    ("(seeAlso:dnSubtreeMatch:=ou=conformance,dc=acme,dc=example)", {"ada"}),
    # sets
    ("(&(uid=*)(telephoneNumber=*))", {"ada", "bob"}), ("(|(uid=ada)(uid=bob)(uid=nobody))", {"ada", "bob"}), ("(!(uid=ada))", (ALL | {"deep"}) - {"ada"}),
    ("(&)", ALL | {"deep"}), ("(|)", set()), ("(&(uid=ada)(&)(!(|)))", {"ada"}),
    ("(&(objectClass=inetOrgPerson)(!(|(uid=ada)(sn=weiß)))(|(mail=*example)(x=y)))", {"bob", "chloe"}),
    ("(!(!(uid=ada)))", {"ada"}), ("(&(uid=ada)(uid=bob))", set()), ("(&(cn=ada lovelace)(cn=augusta ada king))", {"ada"}),
    # options and subtypes
    ("(description;lang-en=the first programmer)", {"ada"}), ("(description=the first programmer)", {"ada"}),
    ("(description;lang-fr=the first programmer)", set()), ("(description;lang-en=*)", {"ada"}), ("(description;lang-de=*)", set()),
    ("(name=ada lovelace)", {"ada"}), ("(name=chlo*)", {"chloe"}), ("(name=*)", ALL | {"deep"}),
    # integers and times that are none: Undefined
    ("(zimbraMailQuota=many)", set()), ("(zimbraCreateTimestamp>=yesterday)", set()), ("(seeAlso=nobody)", set()),
])
def test_filters(user, filter, expected):
    if expected is None:
        assert user.search(PEOPLE, "one", filter, ["1.1"]).code in (SUCCESS, -7), filter
    else:
        assert found(user, filter) == expected


@pytest.mark.parametrize("undefined", ["(noSuchAttribute=x)", "(zimbraMailQuota=many)", "(cn:noSuchRule:=x)", "(jpegPhoto>=x)",
                                       "(mail:caseIgnoreMatch:=x)", "(cn:caseIgnoreSubstringsMatch:=ada)", "(zimbraMailQuota:booleanMatch:=TRUE)",
                                       "(seeAlso=no name)", "(zimbraMailQuota=1*)"])
def test_undefined_is_neither_true_nor_false(user, undefined):
    """RFC 4511 section 4.5.1.7: the negation of Undefined is Undefined, True or Undefined is True, False and Undefined is False."""
    everyone = ALL | {"deep"}
    assert found(user, undefined) == set()
    assert found(user, f"(!{undefined})") == set()
    assert found(user, f"(!(!{undefined}))") == set()
    assert found(user, f"(|{undefined}(objectClass=*))") == everyone
    assert found(user, f"(!(|{undefined}(objectClass=*)))") == set()
    assert found(user, f"(&{undefined}(objectClass=*))") == set()
    assert found(user, f"(!(&{undefined}(objectClass=*)))") == set()
    assert found(user, f"(!(&{undefined}(uid=ada)))") == everyone - {"ada"}
    assert found(user, f"(|{undefined}(uid=ada))") == {"ada"}


def test_absent_attribute_is_false_not_undefined(user):
    assert found(user, "(!(telephoneNumber=+1))") == ALL | {"deep"}
    assert found(user, "(!(zimbraMailQuota>=0))") <= ALL | {"deep"}
    assert found(user, "(!(description=*))") == {"bob", "dieter", "deep"}


@pytest.mark.parametrize("attribute,value,expected", [
    ("zimbraMailQuota", "100", {"ada", "chloe"}), ("zimbraMailQuota", "-1", {"ada", "bob", "chloe"}), ("zimbraMailQuota", "99999999999999999999", set())])
def test_integer_ordering_is_numeric(user, attribute, value, expected):
    """The catalogue gives few integers an ordering rule; without one the term is Undefined."""
    result = found(user, f"({attribute}>={value})")
    assert result in (expected, set())


@pytest.mark.difference("slapd folds letter by letter; RFC 4518 section 2.2 maps ß to ss")
@pytest.mark.parametrize("filter,expected", [("(sn=WEISS)", {"dieter"}), ("(cn=*weiss)", {"dieter"}), ("(sn=weis*)", {"dieter"})])
def test_full_case_folding(user, filter, expected):
    assert found(user, filter) == expected


def test_names_in_filters_below(user):
    assert found(user, "(cn=Smith, John)", "sub") == {"smith\\"} or found(user, "(cn=Smith, John)", "sub") == {"smith\\2c john"}
    assert found(user, "(&(sn=adams)(telephoneNumber=5551234))", "sub") == {"eve+sn"}


# --- filters on the wire --------------------------------------------------------------------------------------------------

@pytest.fixture
def ask(server):
    def ask(filter, base=PEOPLE):
        with wire.Wire(server.address) as connection:
            connection.bind("cn=config", "secret")
            connection.send(wire.message(2, wire.search(base, 2, filter, ["1.1"])))
            entries = 0
            while (answer := connection.receive()) is not None and answer.tag == 0x64:
                entries += 1
            return (answer.code if answer.tag == 0x65 else PROTOCOL_ERROR, entries) if answer else (PROTOCOL_ERROR, 0)
    return ask


def substrings(attribute, *parts):
    return wire.tlv(0xA4, wire.text(attribute), wire.sequence(*[wire.text(v, 0x80 + k) for k, v in parts]))


@pytest.mark.parametrize("filter", [
    substrings("cn"), substrings("cn", (1, "a"), (0, "b")), substrings("cn", (2, "a"), (1, "b")), substrings("cn", (0, "a"), (0, "b")),
    substrings("cn", (2, "a"), (2, "b")), substrings("cn", (7, "a"))])
def test_malformed_substrings(ask, filter):
    """RFC 4511 section 4.5.1.7.2; slapd takes them for Undefined."""
    assert ask(filter) in ((PROTOCOL_ERROR, 0), (SUCCESS, 0))


@pytest.mark.parametrize("filter", [wire.text("x", 0x8A), wire.tlv(0xAB, wire.PRESENT), wire.tlv(0xA2, wire.text("x", 0x8A))])
def test_unknown_choice_is_undefined(ask, filter):
    """RFC 4511 section 4: the choice is extensible; section 4.5.1.7: what is not recognised is Undefined."""
    assert ask(filter) in ((SUCCESS, 0), (PROTOCOL_ERROR, 0))


@pytest.mark.parametrize("filter", [
    wire.tlv(0xA2), wire.tlv(0xA2, wire.PRESENT, wire.PRESENT),
    wire.tlv(0xA3, wire.text("cn")), wire.tlv(0xA3), wire.tlv(0xA9),
    wire.tlv(0xA0, b"\x87\x7f"), wire.tlv(0xA9, wire.text("2.5.13.2", 0x81))])
def test_malformed_filters(ask, filter):
    assert ask(filter)[0] == PROTOCOL_ERROR


@pytest.mark.parametrize("filter,entries", [
    (wire.tlv(0xA0), 8), (wire.tlv(0xA1), 0), (wire.tlv(0xA2, wire.tlv(0xA1)), 8), (wire.text("", 0x87), 0),
    (wire.equality("cn", ""), 0), (wire.equality("", "x"), 0), (wire.equality("cn;;x", "x"), 0), (wire.equality("cn\0", "x"), 0),
    (wire.tlv(0xA9, wire.text("caseIgnoreMatch", 0x81), wire.text("uid", 0x82), wire.text("ADA", 0x83)), 1),
    (wire.tlv(0xA9, wire.text("uid", 0x82), wire.text("ADA", 0x83), wire.boolean(False, 0x84)), 1)])
def test_unusual_filters(ask, filter, entries):
    assert ask(filter) == (SUCCESS, entries)


def test_wide_filter(ask):
    terms = [wire.equality("uid", f"nobody{i}") for i in range(1000)] + [wire.equality("uid", "ada")]
    assert ask(wire.tlv(0xA1, *terms)) == (SUCCESS, 1)


def test_deep_filter(ask):
    filter = wire.equality("uid", "ada")
    for _ in range(40):
        filter = wire.tlv(0xA2, filter)
    assert ask(filter) == (SUCCESS, 1)


def test_repeated_terms(ask):
    assert ask(wire.tlv(0xA0, *[wire.PRESENT] * 500)) == (SUCCESS, 8)


def test_long_assertion_values(root, branch):
    """Longer than any index key: equality and substrings still decide exactly."""
    for i in range(3):
        root.add(f"cn={i},{branch}", {"objectClass": "person", "cn": str(i), "sn": "x" * 3000 + str(i)})
    assert root.search(branch, "one", "(sn=%s1)" % ("X" * 3000), ["1.1"]).names == {"cn=1," + branch}
    assert len(root.search(branch, "one", "(sn=%s*)" % ("x" * 3000), ["1.1"]).entries) == 3
    assert root.search(branch, "one", "(sn=*%s2)" % ("x" * 600), ["1.1"]).names == {"cn=2," + branch}
    assert root.search(branch, "one", "(sn=%s)" % ("x" * 3000), ["1.1"]).entries == []
