"""RFC 4523: certificates are found by serial number and issuer; RFC 4522: they travel with `;binary`. And RFC 4517's rules of words."""
import subprocess

import pytest

from certificates import Authority
from client import NO_SUCH_ATTRIBUTE, SUCCESS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """DER and serial number of a certificate that CN=Test Root issued."""
    issued = Authority(tmp_path_factory.mktemp("ca")).issue("somebody.example")
    der = subprocess.run(["openssl", "x509", "-in", issued.certificate, "-outform", "der"], check=True, capture_output=True).stdout
    text = subprocess.run(["openssl", "x509", "-in", issued.certificate, "-noout", "-serial"], check=True, capture_output=True).stdout
    return der, int(text.decode().strip().split("=")[1], 16)


@pytest.fixture
def holder(root, person, certificate):
    assert root.modify(person, ("add", "userCertificate;binary", certificate[0])).code == SUCCESS
    return person


@pytest.mark.parametrize("pattern,found", [
    ('{{ serialNumber {serial}, issuer rdnSequence:"cn=Test Root" }}', True),
    ('{{ serialNumber {serial}, issuer rdnSequence:"CN=test  root" }}', True),
    ('{{ issuer rdnSequence:"cn=Test Root", serialNumber {serial} }}', True), ("{serial}$cn=Test Root", True),
    ('{{ serialNumber 1, issuer rdnSequence:"cn=Test Root" }}', False), ("{serial}$cn=Other", False), ("nonsense", False)])
@pytest.mark.parametrize("item", ["(userCertificate={})", "(userCertificate;binary={})", "(userCertificate:certificateExactMatch:={})"])
def test_certificate_exact_match(root, holder, certificate, pattern, found, item):
    assertion = pattern.format(serial=certificate[1])
    result = root.read(holder, ["1.1"], item.format(assertion))
    assert result.code == SUCCESS and len(result.entries) == found


def test_a_certificate_is_deleted_by_its_value(root, holder, certificate):
    assert root.modify(holder, ("delete", "userCertificate;binary", certificate[0])).code == SUCCESS
    assert root.modify(holder, ("delete", "userCertificate;binary", certificate[0])).code == NO_SUCH_ATTRIBUTE


def test_a_certificate_that_is_there(root, holder, certificate):
    assert root.modify(holder, ("add", "userCertificate;binary", certificate[0])).code == 20
    assert root.read(holder, ["userCertificate"]).only == {"userCertificate;binary": [certificate[0]]}


@pytest.mark.muster
@pytest.mark.parametrize("filter,found", [
    ("(cn:wordMatch:=hopper)", True), ("(cn:2.5.13.32:=AMAZING)", True), ("(cn:wordMatch:=hop)", False),
    ("(cn:keywordMatch:=grace)", True), ("(cn:wordMatch:=grace hopper)", True), ("(sn:wordMatch:=hopper)", True),
    ("(description:wordMatch:=nothing)", False)])
def test_rfc4517_words(root, person, filter, found):
    assert len(root.read(person, ["1.1"], filter).entries) == found
