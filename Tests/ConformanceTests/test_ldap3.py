"""ldap3 (Python), used as its documentation shows: another decoder, another idea of controls and of the schema than OpenLDAP's."""
import pytest

from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

ldap3 = pytest.importorskip("ldap3")
ADA = "uid=ada," + PEOPLE


@pytest.fixture(scope="module")
def ldap3_server(server):
    host, port = server.address
    return ldap3.Server(host, port=port, get_info=ldap3.ALL)


@pytest.fixture
def connection(ldap3_server):
    with ldap3.Connection(ldap3_server, ROOT_DN, ROOT_PASSWORD, auto_bind=True) as connection:
        yield connection


def test_info_and_schema(connection, ldap3_server):
    assert "1.3.6.1.4.1.4203.1.11.3" in [o[0] for o in ldap3_server.info.supported_extensions]
    assert "3" in str(ldap3_server.info.supported_ldap_versions)
    person = ldap3_server.schema.object_classes["person"]
    assert {"sn", "cn"} == set(person.must_contain)
    assert ldap3_server.schema.attribute_types["cn"].equality or ldap3_server.schema.attribute_types["cn"].superior
    assert "caseIgnoreMatch" in ldap3_server.schema.matching_rules


def test_who_am_i(connection):
    assert connection.extend.standard.who_am_i() == "dn:" + ROOT_DN


def test_search_with_formatting(connection):
    assert connection.search(PEOPLE, "(uid=ada)", attributes=["cn", "zimbraMailQuota", "createTimestamp", "jpegPhoto"])
    entry = connection.entries[0]
    assert entry.entry_dn == ADA and set(entry.cn) == {"Ada Lovelace", "Augusta Ada King"}
    assert entry.createTimestamp.value.tzinfo is not None
    assert entry.jpegPhoto.value.startswith(b"\xff\xd8")


def test_search_of_all_kinds(connection):
    assert connection.search(PEOPLE, "(objectClass=*)", ldap3.BASE, attributes=ldap3.NO_ATTRIBUTES) and len(connection.entries) == 1
    assert connection.search(PEOPLE, "(cn:caseExactMatch:=Ada Lovelace)") and len(connection.entries) == 1
    assert connection.search(PEOPLE, "(&(uid=ada)(!(uid=bob)))", attributes=[ldap3.ALL_ATTRIBUTES, ldap3.ALL_OPERATIONAL_ATTRIBUTES])
    assert "entryUUID" in connection.entries[0].entry_attributes_as_dict
    assert not connection.search("ou=absent," + PEOPLE, "(uid=ada)") and connection.result["result"] == 32
    assert connection.result["dn"].lower() == PEOPLE
    assert connection.search(PEOPLE, "(uid=*)", types_only=True, attributes=["uid"])


def test_paged_search(connection):
    found = connection.extend.standard.paged_search("", "(objectClass=person)", attributes=["uid"], paged_size=7, generator=True)
    names = [e["dn"] for e in found if e["type"] == "searchResEntry"]
    assert len(names) == len(set(names)) > 20


def test_life_of_an_entry(connection, branch):
    dn = "cn=ldap3," + branch
    assert connection.add(dn, ["inetOrgPerson"], {"sn": "three", "cn": "ldap3", "description": ["a", "b"]}), connection.result
    assert connection.modify(dn, {"description": [(ldap3.MODIFY_DELETE, ["a"]), (ldap3.MODIFY_ADD, ["c"])], "title": [(ldap3.MODIFY_REPLACE, ["x"])]})
    assert connection.compare(dn, "description", "C") and not connection.compare(dn, "description", "a")
    assert connection.modify_dn(dn, "cn=renamed")
    dn = "cn=renamed," + branch
    assert connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["*"])
    assert set(connection.entries[0].description) == {"b", "c"}
    assert not connection.add(dn, ["inetOrgPerson"], {"sn": "x", "cn": "renamed"}) and connection.result["description"] == "entryAlreadyExists"
    assert not connection.modify(dn, {"sn": [(ldap3.MODIFY_DELETE, [])]}) and connection.result["description"] == "objectClassViolation"
    assert connection.delete(dn)
    assert not connection.delete(dn) and connection.result["description"] == "noSuchObject"


def test_increment(connection, branch):
    dn = "cn=counter," + branch
    assert connection.add(dn, ["inetOrgPerson", "zimbraAccount"], {
        "sn": "x", "cn": "counter", "uid": "counter", "mail": "counter@conformance.example", "zimbraAccountStatus": "active",
        "zimbraId": "00000000-0000-4000-8000-0000000c0de2", "zimbraMailQuota": "5"}), connection.result
    assert connection.modify(dn, {"zimbraMailQuota": [(ldap3.MODIFY_INCREMENT, ["3"])]})
    assert connection.compare(dn, "zimbraMailQuota", "8")


def test_abstraction_layer(connection, branch):
    """Reader and writer of ldap3's object layer, which reads the schema to know what an entry may hold."""
    connection.add("cn=object," + branch, ["inetOrgPerson"], {"sn": "layer", "cn": "object"})
    definition = ldap3.ObjectDef("inetOrgPerson", connection)
    reader = ldap3.Reader(connection, definition, branch, "cn: object")
    assert [e.sn.value for e in reader.search()] == ["layer"]
    writer = ldap3.Writer.from_cursor(reader)
    writer[0].description += "written"
    assert writer.commit()
    assert connection.compare("cn=object," + branch, "description", "written")


def test_password_modify(connection, branch, ldap3_server):
    dn = "cn=secret," + branch
    connection.add(dn, ["inetOrgPerson"], {"sn": "x", "cn": "secret", "userPassword": "old"})
    assert connection.extend.standard.modify_password(dn, None, "new")
    generated = connection.extend.standard.modify_password(dn)
    assert isinstance(generated, str) and len(generated) >= 8
    with ldap3.Connection(ldap3_server, dn, generated, auto_bind=True) as own:
        assert own.extend.standard.who_am_i() == "dn:" + dn


def test_ldif(connection):
    connection.search(PEOPLE, "(uid=chloe)", attributes=["cn", "sn"])
    text = connection.response_to_ldif()
    assert text.startswith("version: 1") and "cn:: " in text


def test_sasl_plain_is_told_apart(ldap3_server):
    connection = ldap3.Connection(ldap3_server, ADA, "wrong")
    assert not connection.bind() and connection.result["description"] == "invalidCredentials"
