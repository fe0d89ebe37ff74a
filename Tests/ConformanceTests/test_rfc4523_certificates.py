"""RFC 4523: certificates are found by serial number and issuer; RFC 4522: they travel with `;binary`. And RFC 4517's rules of words."""
import datetime
import subprocess

import pytest

import wire
from certificates import Authority, openssl
from client import COMPARE_FALSE, COMPARE_TRUE, INVALID_ATTRIBUTE_SYNTAX, NO_SUCH_ATTRIBUTE, SUCCESS, control

MATCHED_VALUES = "1.2.826.0.1.3344810.2.3"


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


# --- assertions that ask for components: X.509 sections 11.3.2 to 11.3.7, RFC 4523 appendix A ---------------------------------------------

SETTINGS = """
[req]
distinguished_name=dn
prompt=no
[dn]
C=IT
O=Example Ltd
CN=Components
[extensions]
basicConstraints=critical,CA:TRUE
keyUsage=critical,digitalSignature,keyCertSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always
certificatePolicies=1.3.6.1.4.1.9999.1
subjectAltName=DNS:mail.example.com,email:user@example.com,IP:10.1.2.3
nameConstraints=permitted;dirName:permitted
[permitted]
C=IT
[ca]
default_ca=list
[list]
database=%(folder)s/index.txt
crlnumber=%(folder)s/number
default_md=sha256
default_crl_days=30
[crl]
authorityKeyIdentifier=keyid
issuingDistributionPoint=critical,@point
[point]
fullname=URI:http://example.com/a.crl
onlysomereasons=keyCompromise
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A certificate, 300 days valid, of itself, with serial number 4711, and its list of revocations, number 3000; in DER."""
    folder = tmp_path_factory.mktemp("components")
    settings = folder / "settings"
    settings.write_text(SETTINGS % {"folder": folder})
    (folder / "index.txt").write_text("")
    (folder / "number").write_text("0BB8\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key", "-out", folder / "pem", "-config", settings, "-extensions", "extensions",
            "-set_serial", "4711", "-days", "300")
    openssl("ca", "-gencrl", "-config", settings, "-keyfile", folder / "key", "-cert", folder / "pem", "-crlexts", "crl", "-out", folder / "crl")
    return (openssl("x509", "-in", folder / "pem", "-outform", "der").stdout, openssl("crl", "-in", folder / "crl", "-outform", "der").stdout,
            openssl("x509", "-in", folder / "pem", "-noout", "-ext", "subjectKeyIdentifier").stdout.decode().split()[-1].replace(":", ""))


def later(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


def is_found(root, dn, filter):
    return len(root.read(dn, ["1.1"], filter).entries) == 1


@pytest.fixture
def authority(root, person, made):
    """The person with a certificate, a list, a pair of certificates, and two algorithms: SHA-256 with RSA, and EC on P-256."""
    certificate, crl, _ = made
    algorithms = ["300d06092a864886f70d01010b0500", "301306072a8648ce3d020106082a8648ce3d030107"]
    result = root.modify(
        person, ("add", "objectClass", ["pkiCA", "deltaCRL", "userSecurityInformation"]), ("add", "userCertificate;binary", certificate),
        ("add", "certificateRevocationList;binary", crl), ("add", "crossCertificatePair;binary", wire.sequence(wire.tlv(0xA0, certificate))),
        ("add", "supportedAlgorithms;binary", [wire.sequence(bytes.fromhex(a)) for a in algorithms]))
    assert result.code == SUCCESS, result
    return person


NAME = 'rdnSequence:"cn=Components,o=Example Ltd,c=IT"'


@pytest.mark.muster
@pytest.mark.parametrize("assertion,found", [
    ("{ }", True), ("{ serialNumber 4711 }", True), ("{ serialNumber 4712 }", False), ("{ issuer %s, subject %s }" % (NAME, NAME), True),
    ("{ subjectKeyIdentifier '%(key)s'H }", True), ("{ subjectKeyIdentifier '00'H }", False),
    ("{ authorityKeyIdentifier { keyIdentifier '%(key)s'H } }", True),
    ('{ certificateValid generalizedTime:"%(in1)s" }', True), ('{ certificateValid generalizedTime:"%(in400)s" }', False),
    ("{ subjectPublicKeyAlgID 1.2.840.113549.1.1.1 }", True), ("{ subjectPublicKeyAlgID 1.2.840.10045.2.1 }", False),
    ("{ keyUsage { keyCertSign } }", True), ("{ keyUsage { cRLSign } }", False), ("{ subjectAltName builtinNameForm:rfc822Name }", True),
    ("{ subjectAltName builtinNameForm:directoryName }", False), ("{ policy { 1.3.6.1.4.1.9999.1 } }", True), ("{ policy { 1.2.3 } }", False),
    ('{ pathToName rdnSequence:"cn=x,c=IT" }', True), ('{ pathToName rdnSequence:"cn=x,c=DE" }', False),
    ('{ nameConstraints { permittedSubtrees { { base dNSName:"example.com" } } } }', True),
    ('{ nameConstraints { excludedSubtrees { { base dNSName:"example.com" } } } }', False)])
def test_certificate_match(root, authority, made, assertion, found):
    assertion = assertion % {"key": made[2], "in1": later(1), "in400": later(400)}
    for type in ("userCertificate", "userCertificate;binary", ""):
        item = f"({type}:certificateMatch:={assertion})"
        assert is_found(root, authority, item) == found, item
        assert is_found(root, authority, f"(!{item})") != found, item
    assert is_found(root, authority, f"(crossCertificatePair:2.5.13.37:={{ issuedToThisCAAssertion {assertion} }})") == found
    assert not is_found(root, authority, f"(crossCertificatePair:2.5.13.37:={{ issuedByThisCAAssertion {assertion} }})")


@pytest.mark.muster
@pytest.mark.parametrize("filter,found", [
    ("(certificateRevocationList:certificateListMatch:={ minCRLNumber 3000, maxCRLNumber 3000 })", True),
    ("(certificateRevocationList:certificateListMatch:={ minCRLNumber 3001 })", False), ("(:2.5.13.39:={ issuer %s })" % NAME, True),
    ("(certificateRevocationList:certificateListMatch:={ reasonFlags { keyCompromise } })", True),
    ("(certificateRevocationList:certificateListMatch:={ reasonFlags { superseded } })", False),
    ('(certificateRevocationList:certificateListMatch:={ dateAndTime generalizedTime:"%(in1)s" })', True),
    ('(certificateRevocationList:certificateListMatch:={ dateAndTime generalizedTime:"%(in400)s" })', False),
    ('(certificateRevocationList:certificateListMatch:={ distributionPoint fullName:{ uniformResourceIdentifier:"http://example.com/a.crl" } })', True),
    ("(certificateRevocationList:certificateListMatch:={ authorityKeyIdentifier { keyIdentifier '%(key)s'H } })", True),
    ("(crossCertificatePair={ issuedToThisCAAssertion { serialNumber 4711, issuer %s } })" % NAME, True),
    ("(crossCertificatePair={ issuedByThisCAAssertion { serialNumber 4711, issuer %s } })" % NAME, False),
    ("(supportedAlgorithms={ algorithm 1.2.840.113549.1.1.11, parameters NULL })", True), ("(supportedAlgorithms={ algorithm 1.2.840.113549.1.1.11 })", False),
    ("(supportedAlgorithms:2.5.13.40:={ algorithm 1.2.840.10045.2.1, parameters 1.2.840.10045.3.1.7 })", True)])
def test_other_rules_of_components(root, authority, made, filter, found):
    assert is_found(root, authority, filter % {"key": made[2], "in1": later(1), "in400": later(400)}) == found


@pytest.mark.muster
@pytest.mark.parametrize("item", [
    # RFC 4511 section 4.5.1.7: what is no assertion, and what nobody can decide, is Undefined.
    "(userCertificate:certificateMatch:={ noSuchComponent 1 })", "(userCertificate:certificateMatch:=nonsense)", "(cn:certificateMatch:={ })",
    "(supportedAlgorithms={ algorithm 1.2.840.10045.2.1, parameters { x 1 } })",
    "(userCertificate:certificateMatch:={ nameConstraints { permittedSubtrees { { base iPAddress:'0A'H } } } })"])
def test_undefined(root, authority, item):
    assert not is_found(root, authority, item) and not is_found(root, authority, f"(!{item})")


@pytest.mark.muster
def test_compare_with_components(root, authority):
    assert root.compare(authority, "supportedAlgorithms;binary", "{ algorithm 1.2.840.10045.2.1, parameters 1.2.840.10045.3.1.7 }").code == COMPARE_TRUE
    assert root.compare(authority, "supportedAlgorithms;binary", "{ algorithm 1.2.3 }").code == COMPARE_FALSE
    assert root.compare(authority, "supportedAlgorithms;binary", "{ algorithm }").code == INVALID_ATTRIBUTE_SYNTAX


@pytest.mark.muster
def test_values_that_match(root, authority, certificate):
    """RFC 3876 section 1: of many certificates the one that is asked for."""
    assert root.modify(authority, ("add", "userCertificate;binary", certificate[0])).code == SUCCESS
    item = wire.tlv(0xA9, wire.text("2.5.13.35", 0x81), wire.text("userCertificate", 0x82), wire.text('{ issuer rdnSequence:"cn=Test Root" }', 0x83))
    found = root.read(authority, ["userCertificate"], controls=[control(MATCHED_VALUES, True, wire.sequence(item))]).only
    assert found == {"userCertificate;binary": [certificate[0]]}


@pytest.mark.muster
def test_pairs_are_compared_as_values(root, authority, made):
    pair = wire.sequence(wire.tlv(0xA0, made[0]))
    assert root.modify(authority, ("add", "crossCertificatePair;binary", pair)).code == 20
    assert root.modify(authority, ("delete", "crossCertificatePair;binary", pair)).code == SUCCESS


@pytest.mark.muster
def test_rules_are_published(root):
    schema = root.search("cn=subschema", "base", attributes=["matchingRules", "ldapSyntaxes", "matchingRuleUse"]).only
    for number in range(34, 41):
        assert any(v.startswith(b"( 2.5.13.%d NAME" % number) for v in schema["matchingRules"])
        assert any(v.startswith(b"( 2.5.13.%d NAME" % number) for v in schema["matchingRuleUse"])
    for number in range(1, 8):
        assert any(v.startswith(b"( 1.3.6.1.1.15.%d DESC" % number) for v in schema["ldapSyntaxes"])
