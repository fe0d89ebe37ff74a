"""Inherited values and effective statuses, docs/inheritance.md, with the sample organisation in a running server."""
import pytest
from client import Client, COMPARE_FALSE, COMPARE_TRUE, control
from servers import ROOT, ROOT_DN, ROOT_PASSWORD, Muster, target

pytestmark = pytest.mark.muster

REAL = control("2.16.840.1.113730.3.4.17", True)
VIRTUAL = control("2.16.840.1.113730.3.4.19", True)
ELENI = "uid=eleni.georgiou,ou=people,dc=example,dc=org"
NOA = "uid=noa.levi,ou=people,dc=example,dc=org"
ADA = "uid=ada.lovelace,ou=people,dc=example,dc=com"
BUSINESS = "cn=business,cn=cos,cn=zimbra"
DEFAULT = "cn=default,cn=cos,cn=zimbra"
ORG = "dc=example,dc=org"


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    if target() == "slapd":
        pytest.skip("only for muster")
    server = Muster(tmp_path_factory.mktemp("inheritance"))
    server.load(ROOT / "ldif" / "carbonio.ldif", ROOT / "ldif" / "sample.ldif")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(sample):
    with Client(sample.url, ROOT_DN, ROOT_PASSWORD) as client:
        yield client


def value(client, dn, attribute, **more):
    return [v.decode() for v in client.read(dn, [attribute], **more).only.get(attribute, [])]


def test_named_attributes_are_effective_and_star_is_stored(client):
    assert value(client, ELENI, "zimbraFeatureCalendarEnabled") == ["TRUE"]
    assert "zimbraFeatureCalendarEnabled" not in client.read(ELENI, ["*"]).only
    assert value(client, ELENI, "zimbraFeatureCalendarEnabled", controls=[REAL]) == []
    assert value(client, ELENI, "zimbraFeatureCalendarEnabled", controls=[VIRTUAL]) == ["TRUE"]
    assert value(client, ELENI, "sn", controls=[VIRTUAL]) == []


def test_rule_2_6_the_class_of_service_is_reported(client):
    default = value(client, DEFAULT, "zimbraId")
    assert value(client, ELENI, "zimbraCOSId") == default
    found = client.search("", filter=f"(&(objectClass=zimbraAccount)(zimbraCOSId={default[0]}))", attributes=["1.1"])
    assert ELENI in found.names and ADA not in found.names


def test_source_of_a_value_and_reset(client):
    quota = "zimbraMailQuota"
    assert client.read(ELENI, [quota, "musterInheritedFrom"]).only["musterInheritedFrom"] == [f"{quota} {DEFAULT}".encode()]
    assert client.modify(ELENI, ("replace", quota, "77")).code == 0
    entry = client.read(ELENI, [quota, "musterInheritedFrom"]).only
    assert entry[quota] == [b"77"] and "musterInheritedFrom" not in entry
    assert client.modify(ELENI, ("delete", quota, None)).code == 0
    assert value(client, ELENI, quota) == ["0"]


def test_filters_and_compare_see_effective_values(client):
    accounts = client.search("", filter="(objectClass=zimbraAccount)", attributes=["zimbraMailQuota"]).entries
    for operator, test in (("=", lambda q: q == 0), (">=", lambda q: q >= 536870912), ("<=", lambda q: q <= 536870912)):
        bound = 0 if operator == "=" else 536870912
        expected = {dn.lower() for dn, a in accounts if "zimbraMailQuota" in a and test(int(a["zimbraMailQuota"][0]))}
        assert expected
        assert client.search("", filter=f"(&(objectClass=zimbraAccount)(zimbraMailQuota{operator}{bound}))").names == expected
    assert client.compare(ELENI, "zimbraMailQuota", "0").code == COMPARE_TRUE
    assert client.compare(ELENI, "zimbraMailQuota", "1").code == COMPARE_FALSE


def test_a_change_of_a_class_of_service_is_seen_by_the_next_search(client):
    before = value(client, ADA, "entryCSN")
    for quota in ("5", "6", "21474836480"):
        assert client.modify(BUSINESS, ("replace", "zimbraMailQuota", quota)).code == 0
        assert value(client, ADA, "zimbraMailQuota") == [quota]
        assert ADA in client.search("dc=example,dc=com", filter=f"(zimbraMailQuota={quota})", attributes=["1.1"]).names
    assert value(client, ADA, "entryCSN") == before


def test_rule_3_2_statuses_follow_the_domain_at_once(client):
    status = "musterEffectiveAccountStatus"
    assert value(client, NOA, status) == ["active"]
    try:
        for domain, expected in (("locked", "locked"), ("suspended", "maintenance"), ("closed", "closed")):
            assert client.modify(ORG, ("replace", "zimbraDomainStatus", domain)).code == 0
            assert value(client, NOA, status) == [expected]
            assert NOA in client.search(ORG, filter=f"({status}={expected})", attributes=["1.1"]).names
            assert NOA not in client.search(ORG, filter=f"({status}=active)", attributes=["1.1"]).names
        assert value(client, NOA, "musterEffectiveMailStatus") == ["disabled"]
    finally:
        assert client.modify(ORG, ("replace", "zimbraDomainStatus", "active"), ("replace", "zimbraMailStatus", "enabled")).code == 0
    assert value(client, NOA, "musterEffectiveMailStatus") == ["enabled"]


def test_identities_with_the_stored_view(tmp_path):
    configuration = tmp_path / "muster.json"
    configuration.write_text('{"mail": {"storedViewIdentities": ["cn=config"]}}')
    server = Muster(tmp_path / "server", ["--config", str(configuration)])
    server.load(ROOT / "ldif" / "carbonio.ldif", ROOT / "ldif" / "sample.ldif")
    server.start()
    try:
        with Client(server.url, ROOT_DN, ROOT_PASSWORD) as client:
            assert value(client, ELENI, "zimbraMailQuota") == []
            assert client.search(ORG, filter="(zimbraMailQuota=0)").entries == []
            assert value(client, ELENI, "zimbraMailQuota", controls=[VIRTUAL]) == ["0"]
            assert value(client, ELENI, "entryDN") == [ELENI]
    finally:
        server.stop()
