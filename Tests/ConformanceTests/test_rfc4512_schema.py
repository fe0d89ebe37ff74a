"""RFC 4512: the root DSE, the subschema complete, operational attributes; RFC 4530 (entryUUID)."""
import csv
import os
import re
import uuid

import ldap.schema
import pytest

from client import NO_SUCH_OBJECT, SUCCESS, lower_keys
from conftest import PEOPLE
from servers import ROOT

ADA = "uid=ada," + PEOPLE


def test_root_dse(anonymous):
    dse = lower_keys(anonymous.read("", ["*", "+"]).only)
    assert dse["supportedldapversion"] == [b"3"]
    assert dse["subschemasubentry"][0].lower() == b"cn=subschema"
    assert dse["namingcontexts"] == [b""]
    assert b"1.3.6.1.4.1.4203.1.5.1" in dse["supportedfeatures"], "all operational attributes (RFC 3673)"
    assert b"1.3.6.1.4.1.4203.1.5.2" in dse["supportedfeatures"], "attributes by class (RFC 4529)"
    assert b"1.3.6.1.4.1.4203.1.5.3" in dse["supportedfeatures"], "true and false filters (RFC 4526)"
    assert b"1.3.6.1.1.14" in dse["supportedfeatures"], "increment (RFC 4525)"


def test_root_dse_user_and_operational_attributes(anonymous):
    assert "supportedcontrol" not in lower_keys(anonymous.read("").only)
    assert "supportedcontrol" in lower_keys(anonymous.read("", ["+"]).only)
    assert set(lower_keys(anonymous.read("", ["namingContexts"]).only)) == {"namingcontexts"}
    assert set(lower_keys(anonymous.read("", ["1.1"]).only)) == set()
    assert anonymous.search("", "base", "(objectClass=person)").entries == []


def test_subschema_attributes_are_operational(anonymous):
    """RFC 4512 section 4.4: only when asked for."""
    assert "attributetypes" not in lower_keys(anonymous.read("cn=subschema").only)
    entry = lower_keys(anonymous.read("cn=Subschema", ["+"], "(objectClass=subschema)").only)
    assert {"attributetypes", "objectclasses", "ldapsyntaxes", "matchingrules", "matchingruleuse"} <= set(entry)


def catalogue(name):
    folder = os.environ.get("CATALOGUE") or ROOT / "schema" / "catalogue"
    with open(f"{folder}/{name}.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def subschema(anonymous):
    entry = anonymous.read("cn=subschema", ["attributeTypes", "objectClasses", "ldapSyntaxes", "matchingRules", "matchingRuleUse"],
                           "(objectClass=subschema)").only
    return ldap.schema.SubSchema(entry, check_uniqueness=2)


def test_every_attribute_of_the_catalogue(subschema):
    rows = catalogue("attributes")
    assert len(rows) == 1870
    wrong = []
    for row in rows:
        definition = subschema.get_obj(ldap.schema.AttributeType, row["name"])
        if definition is None:
            wrong.append(row["name"] + " is missing")
            continue
        inherited = subschema.get_inheritedobj(ldap.schema.AttributeType, row["name"], ["syntax", "equality", "substr", "ordering"])
        bare = row["syntax"].split("{")[0]
        if definition.oid != row["oid"]:
            wrong.append(f"{row['name']}: {definition.oid}")
        if inherited.syntax is not None and inherited.syntax.split("{")[0] != bare:
            wrong.append(f"{row['name']}: syntax {inherited.syntax}")
        if definition.single_value != (row["singleValue"] == "yes"):
            wrong.append(f"{row['name']}: single value")
        if row["definedIn"] in ("carbonio", "amavisd", "opendkim"):
            for kind in ("equality", "substr", "ordering"):
                if (getattr(inherited, kind) or "") != row[kind]:
                    wrong.append(f"{row['name']}: {kind} {getattr(inherited, kind)} for {row[kind]}")
    assert not wrong, wrong[:20]


def test_every_class_of_the_catalogue(subschema):
    rows = catalogue("objectclasses")
    assert len(rows) == 32
    attributes = catalogue("attributes")
    kinds = {"STRUCTURAL": 0, "ABSTRACT": 1, "AUXILIARY": 2}
    for row in rows:
        definition = subschema.get_obj(ldap.schema.ObjectClass, row["name"])
        assert definition is not None, row["name"]
        assert (definition.oid, definition.kind) == (row["oid"], kinds[row["kind"]]), row["name"]
        assert tuple(s.lower() for s in definition.sup) == (row["superior"].lower(),), row["name"]
        if row["classKey"]:
            may = {a["name"].lower() for a in attributes if row["classKey"] in a["optionalIn"].split(",")}
            must = {a["name"].lower() for a in attributes if row["classKey"] in a["requiredIn"].split(",")}
            assert {a.lower() for a in definition.may} == may, row["name"]
            assert {a.lower() for a in definition.must} == must, row["name"]


def test_definitions_refer_to_what_exists(server, subschema):
    for oid in subschema.listall(ldap.schema.AttributeType):
        definition = subschema.get_obj(ldap.schema.AttributeType, oid)
        for name in definition.sup:
            assert subschema.get_obj(ldap.schema.AttributeType, name), (definition.names, name)
    for oid in subschema.listall(ldap.schema.ObjectClass):
        definition = subschema.get_obj(ldap.schema.ObjectClass, oid)
        for name in definition.sup:
            assert subschema.get_obj(ldap.schema.ObjectClass, name), (definition.names, name)
        for name in definition.must + definition.may:
            if server.kind == "muster" or definition.names[0] not in ("subschema", "subentry"):     # slapd lacks some of theirs
                assert subschema.get_obj(ldap.schema.AttributeType, name), (definition.names, name)


@pytest.mark.parametrize("name", """top alias person organizationalPerson inetOrgPerson organization organizationalUnit organizationalRole
    groupOfNames groupOfUniqueNames dcObject domain account document country locality residentialPerson applicationProcess device
    groupOfURLs extensibleObject subschema referral pkiUser uidObject labeledURIObject simpleSecurityObject RFC822localPart""".split())
def test_standard_classes(subschema, name):
    assert subschema.get_obj(ldap.schema.ObjectClass, name), name


@pytest.mark.parametrize("name", """objectClass cn commonName surname serialNumber c l st street o ou title description businessCategory
    postalAddress telephoneNumber member owner roleOccupant seeAlso userPassword userCertificate uniqueMember distinguishedName dnQualifier
    uid mail rfc822Mailbox dc associatedDomain host homePhone manager mobile pager carLicense departmentNumber displayName employeeNumber
    jpegPhoto preferredLanguage labeledURI memberURL userSMIMECertificate createTimestamp modifyTimestamp creatorsName modifiersName entryUUID
    entryCSN structuralObjectClass hasSubordinates subschemaSubentry entryDN ref supportedControl namingContexts""".split())
def test_standard_attributes(subschema, name):
    assert subschema.get_obj(ldap.schema.AttributeType, name), name


def test_matching_rules_are_published(subschema):
    rules = {n for oid in subschema.listall(ldap.schema.MatchingRule) for n in subschema.get_obj(ldap.schema.MatchingRule, oid).names}
    assert {"caseIgnoreMatch", "caseExactMatch", "caseIgnoreSubstringsMatch", "integerMatch", "booleanMatch", "distinguishedNameMatch",
            "generalizedTimeMatch", "objectIdentifierMatch", "octetStringMatch", "caseIgnoreIA5Match", "telephoneNumberMatch"} <= rules


def test_extensions_carry_the_catalogue(request, server, anonymous):
    if server.kind == "slapd":
        pytest.skip("only for muster")
    lines = [v.decode() for v in anonymous.read("cn=subschema", ["attributeTypes"]).only["attributeTypes"]]
    quota = next(line for line in lines if "'zimbraMailQuota'" in line)
    assert re.search(r"X-[A-Z-]+ ", quota), quota


# --- operational attributes ----------------------------------------------------------------------------------------------

def operational(client, dn):
    return lower_keys(client.read(dn, ["+"]).only)


def test_of_a_new_entry(root, branch, person):
    values = operational(root, person)
    uuid.UUID(values["entryuuid"][0].decode())
    assert re.fullmatch(rb"\d{14}Z", values["createtimestamp"][0])
    assert values["createtimestamp"] == values["modifytimestamp"]
    assert values["creatorsname"] == values["modifiersname"] == [b"cn=config"]
    assert values["structuralobjectclass"] == [b"inetOrgPerson"]
    assert re.fullmatch(rb"\d{14}\.\d{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}", values["entrycsn"][0])
    assert values["entrydn"] == [person.encode()]
    assert values["hassubordinates"] == [b"FALSE"]
    assert values["subschemasubentry"][0].lower() == b"cn=subschema"
    assert operational(root, branch)["hassubordinates"] == [b"TRUE"]


def test_of_imported_entries(root):
    values = operational(root, ADA)
    assert {"entryuuid", "entrycsn", "createtimestamp", "modifytimestamp", "creatorsname", "modifiersname", "structuralobjectclass"} <= set(values)
    everything = root.search("", attributes=["entryUUID", "entryCSN"]).entries
    for name in ("entryUUID", "entryCSN"):
        kept = [a[name][0] for _, a in everything]
        assert len(kept) == len(set(kept)), name


def test_after_a_change(root, admin, person):
    before = operational(root, person)
    assert admin.modify(person, ("replace", "description", "x")).code == SUCCESS
    after = operational(root, person)
    assert after["modifiersname"] == [b"uid=zimbra,cn=admins,cn=zimbra"]
    assert after["entrycsn"] > before["entrycsn"]
    for same in ("entryuuid", "creatorsname", "createtimestamp", "structuralobjectclass"):
        assert after[same] == before[same]


def test_the_children_decide_on_has_subordinates(root, branch):
    assert operational(root, branch)["hassubordinates"] == [b"FALSE"]
    root.add("cn=a," + branch, {"objectClass": "person", "cn": "a", "sn": "a"})
    assert operational(root, branch)["hassubordinates"] == [b"TRUE"]
    assert root.search(branch, "base", "(hasSubordinates=TRUE)").entries
    root.delete("cn=a," + branch)
    assert operational(root, branch)["hassubordinates"] == [b"FALSE"]
    assert not root.search(branch, "base", "(hasSubordinates=TRUE)").entries


def test_entries_are_found_by_uuid_and_csn(root, person):
    values = operational(root, person)
    identifier = values["entryuuid"][0].decode()
    assert root.search("", filter=f"(entryUUID={identifier})", attributes=["1.1"]).names == {person.lower()}
    assert root.search("", filter=f"(entryUUID={identifier.upper()})", attributes=["1.1"]).names == {person.lower()}
    assert root.search("", filter=f"(entryCSN={values['entrycsn'][0].decode()})", attributes=["1.1"]).names == {person.lower()}
    assert person.lower() in root.search("", filter=f"(entryCSN>={values['entrycsn'][0].decode()})", attributes=["1.1"]).names


def test_a_missing_entry(root):
    assert root.read("cn=x,cn=subschema").code == NO_SUCH_OBJECT
