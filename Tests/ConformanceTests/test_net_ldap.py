"""Net::LDAP (Perl), used as its documentation shows. Mail systems' own tools are often written with it."""
import shutil
import subprocess

import pytest

from conftest import PEOPLE
from servers import ROOT_DN, ROOT_PASSWORD

PRELUDE = """
use strict; use warnings;
use Net::LDAP; use Net::LDAP::Constant qw(LDAP_CONTROL_PAGED LDAP_SUCCESS);
use Net::LDAP::Control::Paged; use Net::LDAP::Control::PreRead; use Net::LDAP::Control::PostRead;
use Net::LDAP::Control::Relax; use Net::LDAP::Control::NoOp; use Net::LDAP::Control::ManageDsaIT;
use Net::LDAP::Control::ProxyAuth; use Net::LDAP::Control::Assertion; use Net::LDAP::Control::TreeDelete;
use Net::LDAP::LDIF; use Net::LDAP::Util qw(canonical_dn escape_filter_value);
my ($url, $root, $password, $branch, $people) = @ARGV;
my $ldap = Net::LDAP->new($url, timeout => 20) or die "no connection: $@";
sub ok { my ($message, $code) = @_; $code //= 0; die "code ".$message->code.": ".$message->error." instead of $code at line ".(caller)[2]."\\n" if $message->code != $code; return $message }
sub is { my ($a, $b) = @_; die "'$a' is not '$b' at line ".(caller)[2]."\\n" if $a ne $b }
ok($ldap->bind($root, password => $password));
"""

pytestmark = pytest.mark.skipif(
    not shutil.which("perl") or subprocess.run(["perl", "-MNet::LDAP", "-e1"], capture_output=True).returncode != 0,
    reason="Net::LDAP is not installed")


@pytest.fixture
def perl(server, branch):
    def run(script):
        process = subprocess.run(["perl", "-", server.url, ROOT_DN, ROOT_PASSWORD, branch, PEOPLE], input=(PRELUDE + script).encode(),
                                 capture_output=True, timeout=60)
        assert process.returncode == 0, process.stderr.decode() + process.stdout.decode()
        return process.stdout.decode()
    return run


def test_search(perl):
    perl(r"""
    my $found = ok($ldap->search(base => $people, filter => '(uid=ada)', attrs => ['cn', 'mail']));
    is($found->count, 1);
    my $entry = $found->entry(0);
    is(canonical_dn($entry->dn, casefold => 'lower'), canonical_dn("uid=ada,$people", casefold => 'lower'));
    is(join('|', sort $entry->get_value('cn')), 'Ada Lovelace|Augusta Ada King');
    ok($ldap->search(base => "ou=absent,$people", filter => '(uid=ada)'), 32);
    my $limited = $ldap->search(base => $people, scope => 'one', filter => '(uid=*)', sizelimit => 1);
    is($limited->code, 4); is($limited->count, 1);
    is(ok($ldap->search(base => $people, filter => '(cn='.escape_filter_value('(*)').')'))->count, 0);
    """)


def test_root_dse_and_schema(perl):
    perl(r"""
    my $dse = $ldap->root_dse(attrs => ['*', '+']);
    die "extension" unless $dse->supported_extension('1.3.6.1.4.1.4203.1.11.1');
    die "control" unless $dse->supported_control(LDAP_CONTROL_PAGED);
    die "version" unless $dse->supported_version(3);
    my $schema = $ldap->schema() or die 'schema';
    is(join(',', sort map { $_->{name} } $schema->must('person')), 'cn,objectClass,sn');
    is($schema->attribute('commonName')->{name}, 'cn');
    die 'syntax' unless $schema->syntax('1.3.6.1.4.1.1466.115.121.1.15');
    die 'rule' unless $schema->matchingrule('caseIgnoreMatch');
    die 'use' unless $schema->matchingruleuse('caseIgnoreMatch');
    die 'class' unless $schema->objectclass('inetOrgPerson');
    """)


def test_life_of_an_entry(perl):
    perl(r"""
    my $dn = "cn=perl,$branch";
    ok($ldap->add($dn, attrs => [objectClass => ['inetOrgPerson'], cn => 'perl', sn => 'camel', description => ['a', 'b']]));
    ok($ldap->add($dn, attrs => [objectClass => ['inetOrgPerson'], cn => 'perl', sn => 'camel']), 68);
    ok($ldap->modify($dn, add => {title => 'x'}, delete => {description => ['a']}, replace => {sn => ['dromedary']}));
    ok($ldap->modify($dn, changes => [add => [description => 'c'], delete => [title => []]]));
    is(ok($ldap->compare($dn, attr => 'sn', value => 'DROMEDARY'), 6)->code, 6);
    ok($ldap->moddn($dn, newrdn => 'cn=moved', deleteoldrdn => 1));
    my $entry = ok($ldap->search(base => "cn=moved,$branch", scope => 'base', filter => '(objectClass=*)'))->entry(0);
    is(join('|', sort $entry->get_value('description')), 'b|c');
    $entry->replace(mail => 'camel@conformance.example');
    ok($entry->update($ldap));
    ok($ldap->delete("cn=moved,$branch"));
    ok($ldap->delete("cn=moved,$branch"), 32);
    """)


def test_paged_results(perl):
    perl(r"""
    my $page = Net::LDAP::Control::Paged->new(size => 10);
    my (%seen, $cookie);
    while (1) {
        my $found = ok($ldap->search(base => '', filter => '(objectClass=person)', attrs => ['1.1'], control => [$page]));
        $seen{$_->dn}++ for $found->entries;
        my ($answer) = $found->control(LDAP_CONTROL_PAGED) or last;
        $cookie = $answer->cookie or last;
        $page->cookie($cookie);
    }
    die 'few' unless keys %seen > 20;
    die 'twice' if grep { $_ > 1 } values %seen;
    """)


def test_controls_of_changes(perl):
    perl(r"""
    my $dn = "cn=controls,$branch";
    ok($ldap->add($dn, attrs => [objectClass => ['inetOrgPerson'], cn => 'controls', sn => 'x', title => 'old']));
    my $message = ok($ldap->modify($dn, replace => {title => 'new'}, control => [
        Net::LDAP::Control::PreRead->new(attrs => ['title'], critical => 1), Net::LDAP::Control::PostRead->new(attrs => ['title'], critical => 1)]));
    my ($before) = $message->control('1.3.6.1.1.13.1'); my ($after) = $message->control('1.3.6.1.1.13.2');
    is($before->entry->get_value('title'), 'old'); is($after->entry->get_value('title'), 'new');
    is($ldap->modify($dn, replace => {title => 'z'}, control => [Net::LDAP::Control::NoOp->new(critical => 1)])->code, 16654);
    ok($ldap->modify($dn, replace => {createTimestamp => '20010101000000Z'}, control => [Net::LDAP::Control::Relax->new(critical => 1)]));
    ok($ldap->modify($dn, replace => {title => 'z'}, control => [Net::LDAP::Control::Assertion->new(assertion => '(title=old)', critical => 1)]), 122);
    ok($ldap->modify($dn, replace => {title => 'z'}, control => [Net::LDAP::Control::ManageDsaIT->new(critical => 1)]));
    ok($ldap->search(base => $dn, filter => '(objectClass=*)', control => [Net::LDAP::Control::ProxyAuth->new(authzID => "dn:uid=ada,$people", critical => 1)]));
    ok($ldap->modify($dn, replace => {title => 'y'}, control => [Net::LDAP::Control::ProxyAuth->new(authzID => "dn:uid=ada,$people", critical => 1)]), 50);
    """)


def test_extensions(perl):
    perl(r"""
    use Net::LDAP::Extension::WhoAmI; use Net::LDAP::Extension::SetPassword; use Net::LDAP::Extension::Cancel;
    is(ok($ldap->who_am_i)->response, "dn:$root");
    my $dn = "cn=extensions,$branch";
    ok($ldap->add($dn, attrs => [objectClass => ['inetOrgPerson'], cn => 'extensions', sn => 'x', userPassword => 'old']));
    my $made = ok($ldap->set_password(user => $dn))->gen_password;
    die 'short' unless length $made >= 8;
    my $own = Net::LDAP->new($url);
    ok($own->bind($dn, password => $made));
    ok($own->set_password(oldpasswd => $made, newpasswd => 'mine'));
    ok($own->bind($dn, password => $made), 49);
    """)


def test_ldif(perl, tmp_path):
    perl(f"""
    my $out = Net::LDAP::LDIF->new('{tmp_path}/out.ldif', 'w', onerror => 'die');
    $out->write_entry($_) for ok($ldap->search(base => $people, filter => '(objectClass=*)'))->sorted;
    $out->done;
    my $in = Net::LDAP::LDIF->new('{tmp_path}/out.ldif', 'r', onerror => 'die');
    my $count = 0;
    while (!$in->eof) {{ $in->read_entry and $count++ }}
    die "few: $count" unless $count >= 8;
    """)


@pytest.mark.muster
def test_tree_delete(perl):
    perl(r"""
    ok($ldap->add("ou=tree,$branch", attrs => [objectClass => ['organizationalUnit'], ou => 'tree']));
    ok($ldap->add("ou=leaf,ou=tree,$branch", attrs => [objectClass => ['organizationalUnit'], ou => 'leaf']));
    ok($ldap->delete("ou=tree,$branch"), 66);
    ok($ldap->delete("ou=tree,$branch", control => [Net::LDAP::Control::TreeDelete->new(critical => 1)]));
    """)
