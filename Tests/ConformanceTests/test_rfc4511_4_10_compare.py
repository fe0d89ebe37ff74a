"""RFC 4511 section 4.10: compare."""
import pytest

from client import (COMPARE_FALSE, COMPARE_TRUE, INVALID_ATTRIBUTE_SYNTAX, INVALID_DN_SYNTAX, NO_SUCH_ATTRIBUTE,
                    NO_SUCH_OBJECT, UNDEFINED_ATTRIBUTE_TYPE, INAPPROPRIATE_MATCHING)
from conftest import PEOPLE

ADA = "uid=ada," + PEOPLE


@pytest.mark.parametrize("attribute,value,code", [
    ("cn", "Ada Lovelace", COMPARE_TRUE), ("CN", "augusta  ADA king ", COMPARE_TRUE), ("2.5.4.3", "ada lovelace", COMPARE_TRUE),
    ("cn", "Ada", COMPARE_FALSE), ("zimbraMailQuota", "100", COMPARE_TRUE), ("zimbraMailQuota", "99", COMPARE_FALSE),
    ("zimbraHideInGal", "FALSE", COMPARE_TRUE), ("objectClass", "inetOrgPerson", COMPARE_TRUE), ("objectClass", "person", COMPARE_TRUE),
    ("objectClass", "organization", COMPARE_FALSE), ("telephoneNumber", "+442079460001", COMPARE_TRUE),
    ("seeAlso", "UID=bob," + PEOPLE, COMPARE_TRUE), ("description;lang-en", "the first programmer", COMPARE_TRUE),
    ("description", "the first programmer", COMPARE_TRUE), ("description;lang-fr", "the first programmer", COMPARE_FALSE),
    ("title", "x", NO_SUCH_ATTRIBUTE), ("noSuchAttribute", "x", UNDEFINED_ATTRIBUTE_TYPE), ("zimbraMailQuota", "many", INVALID_ATTRIBUTE_SYNTAX),
    ("hasSubordinates", "FALSE", COMPARE_TRUE),
    ("structuralObjectClass", "inetOrgPerson", COMPARE_TRUE), ("zimbraCreateTimestamp", "20200101120000.0Z", COMPARE_TRUE),
    ("name", "lovelace", COMPARE_TRUE),
    ("jpegPhoto", "x", INAPPROPRIATE_MATCHING)])
def test_compare(user, attribute, value, code):
    assert user.compare(ADA, attribute, value).code == code


@pytest.mark.difference("slapd is unwilling to compare entryDN")
@pytest.mark.parametrize("value,code", [(ADA, COMPARE_TRUE), ("UID=Ada ," + PEOPLE, COMPARE_TRUE), ("dc=x", COMPARE_FALSE)])
def test_compare_entry_dn(user, value, code):
    assert user.compare(ADA, "entryDN", value).code == code


def test_names(user):
    result = user.compare("uid=x," + PEOPLE, "cn", "x")
    assert (result.code, result.matched) == (NO_SUCH_OBJECT, PEOPLE)
    assert user.compare("nonsense", "cn", "x").code == INVALID_DN_SYNTAX


@pytest.mark.parametrize("attribute,value,code", [
    ("noSuchAttribute", "x", UNDEFINED_ATTRIBUTE_TYPE), ("cn;x-none", "x", UNDEFINED_ATTRIBUTE_TYPE), ("", "x", UNDEFINED_ATTRIBUTE_TYPE),
    ("zimbraMailQuota", "many", INVALID_ATTRIBUTE_SYNTAX), ("seeAlso", "nobody", INVALID_ATTRIBUTE_SYNTAX), ("jpegPhoto", "x", INAPPROPRIATE_MATCHING)])
@pytest.mark.parametrize("dn", [ADA, "uid=x," + PEOPLE])
def test_the_assertion_is_judged_before_the_entry_is_looked_for(user, anonymous, dn, attribute, value, code):
    assert user.compare(dn, attribute, value).code == code
    assert anonymous.compare(dn, attribute, value).code == code
    assert anonymous.compare("noSuchType=x", attribute, value).code == INVALID_DN_SYNTAX
