"""Semantics 5.1 to 5.4: Postfix's eight maps on the sample organisation, for every kind of address, asked by Postfix itself.

`standard` are the maps that Zimbra and Carbonio write (5.2, letter for letter); `exact` those of docs/examples/postfix/exact, which also
answer the rarer cases right (5.4 and section 14). What they answer otherwise stands in `EXACT`.
"""
import re

import pytest

from postfix import EXAMPLES, POSTMAP, Postfix

pytestmark = [pytest.mark.muster, pytest.mark.skipif(POSTMAP is None, reason="needs postfix-ldap")]

MAPS = ["vmd", "vad", "vmm", "vam", "canonical", "transport", "slm", "splitdomain"]
LMTP = {"lmtp:mail.example.com:7025"}
OK = {"OK"}


def owners(*values):
    """smtpd_sender_login_maps writes each value as `%u, %s` (5.2): the part before the last @, and the whole."""
    return {part.strip() for v in values for part in (v.rsplit("@", 1)[0] + "," + v).split(",")}


def account(address, *others, canonical=None):
    """What is found by the delivery address of an account, and by its aliases. `others`: further values in the sender login map."""
    uid = address.split("@")[0]
    answers = {"vmm": {address}, "vam": {address}, "transport": LMTP, "slm": owners(uid, address, *others), "splitdomain": OK}
    if canonical:
        answers["canonical"] = {canonical}
    return answers


def by_alias(answers):
    """By an alias neither a mailbox nor a transport is found (5.2): Postfix asks for the delivery address then."""
    return {name: value for name, value in answers.items() if name not in ("vmm", "transport")}


def static_list(address, *members):
    return {"vam": set(members), "slm": owners(address.split("@")[0], address, *members), "splitdomain": OK}


ADA = account("ada.lovelace@example.com", "ada@example.com")
ANNA = account("anna.koch@workshop.example", "anna@workshop.example", "anna@koch.example", canonical="anna@workshop.example")
FELIX_FORWARDS = {"archive@elsewhere.example", "felix@elsewhere.example", "felix.brandt@partner.example"}
FELIX = account("felix.brandt@workshop.example", "archive@elsewhere.example", "felix@elsewhere.example, felix.brandt@partner.example")
FELIX["vam"] |= FELIX_FORWARDS
HOST = account("host@events.example", "office@events.example", "hosts@event.example")
BOX = account("box@events.example")
# The members of both dynamic lists: Paula, who takes no mail, and Klaus, whose account is closed, are not shown to zmpostfix (5.4, pitfall 17).
FORGE = {"anna.koch@workshop.example", "felix.brandt@workshop.example"} | FELIX_FORWARDS
NOTHING = {}

# rule and kind, key, what each map answers; a map that is not named answers nothing
KINDS = [
    ("5.3.2-account", "ada.lovelace@example.com", ADA),
    ("5.2-case_does_not_matter", "Ada.Lovelace@Example.COM", ADA),
    ("5.3.2-account_that_forwards", "felix.brandt@workshop.example", FELIX),
    ("5.3.2-account_with_canonical_address", "anna.koch@workshop.example", ANNA),
    ("5.3.3-alias", "anna@workshop.example", by_alias(ANNA)),
    ("5.3.3-former_address", "anna.weber@workshop.example", {"vam": ANNA["vam"]}),
    ("5.3.3-former_address_of_nobody", "anna.schmidt@workshop.example", NOTHING),
    # What may stand in zimbraAllowFromAddress (rule 5.3.9) is for the later rules of writing; what does, counts.
    ("5.3.9-further_sender_address", "anna@koch.example", {"slm": ANNA["slm"]}),
    ("5.3.9-address_that_a_sender_may_not_use", "ada@koch.example", NOTHING),
    ("5.3.10-transport_names_the_mail_host", "lotte.zimmer@workshop.example", account("lotte.zimmer@workshop.example")),
    ("5.3.7-locked_account", "niccolo.bianchi@example.com", account("niccolo.bianchi@example.com")),
    ("5.3.7-locked_out_account", "farah.rahman@example.org", account("farah.rahman@example.org")),
    ("5.3.7-account_in_maintenance", "stefan.tutuianu@example.com", account("stefan.tutuianu@example.com")),
    ("5.3.7-closed_account", "klaus.ende@workshop.example", NOTHING),
    ("5.3.7-alias_of_closed_account", "klaus@workshop.example", NOTHING),
    ("5.3.7-pending_account", "seoyeon.park@example.org", NOTHING),
    ("5.2-account_that_takes_no_mail", "paula.sommer@workshop.example", NOTHING),
    ("5.2-alias_of_account_that_takes_no_mail", "paula@workshop.example", NOTHING),
    ("5.2-guest", "visitor.partner.example@workshop.example", NOTHING),
    ("5.2-resource", "lathe@workshop.example", account("lathe@workshop.example")),
    ("5.3.4-list", "office@workshop.example",
     static_list("office@workshop.example", "lotte.zimmer@workshop.example", "anna@workshop.example", "tax@elsewhere.example")),
    ("5.3.4-list_of_lists", "everyone@workshop.example",
     static_list("everyone@workshop.example", "office@workshop.example", "crew@workshop.example", "fire@workshop.example",
                 "klaus.ende@workshop.example", "host@event.example")),
    ("5.3.4-lists_that_hold_each_other", "early@workshop.example",
     static_list("early@workshop.example", "late@workshop.example", "felix.brandt@workshop.example")),
    ("5.2-list_that_takes_no_mail", "silent@workshop.example", NOTHING),
    ("5.3.5-dynamic_list_with_units", "crew@workshop.example",
     {"vam": FORGE | {"temp@partner.example"}, "slm": owners("crew@workshop.example")}),
    ("5.3.5-internal_members_of_it", "crew.__internal__@workshop.example",
     {"vam": FORGE, "slm": owners("crew.__internal__@workshop.example")}),
    ("5.3.5-dynamic_list_with_a_query", "fire@workshop.example", {"vam": FORGE, "slm": owners("fire@workshop.example")}),
    ("5.2-domain", "workshop.example", {"vmd": {"workshop.example"}}),
    ("5.2-case_of_domains_does_not_matter", "Workshop.EXAMPLE", {"vmd": {"workshop.example"}}),
    ("5.3.6-unknown_address", "nobody@workshop.example", NOTHING),
    ("5.3.6-catch_all_of_a_domain_without", "@workshop.example", NOTHING),
    ("5.3.6-domain_that_is_not_ours", "elsewhere.example", NOTHING),
    ("5.3.6-address_that_is_not_ours", "reader@elsewhere.example", NOTHING),
    ("5.3.1-catch_all_mailbox", "@events.example", by_alias(BOX)),
    ("5.3.1-address_of_the_catch_all_mailbox", "box@events.example", BOX),
    ("5.3.1-account_beside_the_catch_all", "host@events.example", HOST),
    ("5.3.1-unknown_address_beside_the_catch_all", "nobody@events.example", NOTHING),
    ("5.3.6-alias_domain", "example.net", {"vad": {"example.net"}}),
    ("5.3.6-everybody_in_an_alias_domain", "@example.net", {"vam": {"@example.com"}}),
    ("5.3.6-address_in_an_alias_domain", "ada.lovelace@example.net", NOTHING),
    ("5.3.6-alias_in_an_alias_domain", "ada@example.net", NOTHING),
    ("5.3.6-list_in_an_alias_domain", "management@example.net", NOTHING),
    ("5.3.6-unknown_address_in_an_alias_domain", "nobody@example.net", NOTHING),
    ("5.3.3-alias_that_only_an_alias_domain_has", "hosts@event.example", by_alias(HOST)),
    ("5.3.6-alias_domain_of_a_catch_all", "@event.example", {"vam": {"@events.example"}, "canonical": {"@events.example"}}),
    ("5.3.8-split_domain", "plant.example", {"vmd": {"plant.example"}, "transport": {"smtp:old.plant.example:25"}}),
    ("5.3.8-everybody_in_a_split_domain", "@plant.example", {"vam": {"@plant.example"}}),
    ("5.3.8-account_in_a_split_domain", "moved@plant.example", account("moved@plant.example", "marek@plant.example")),
    ("5.3.8-who_is_on_the_other_system", "other@plant.example", NOTHING),
    ("5.3.7-closed_domain", "former.example", NOTHING),
    ("5.3.7-account_in_a_closed_domain", "last.one@former.example", account("last.one@former.example", "luca@former.example")),
    ("5.3.7-alias_in_a_closed_domain", "luca@former.example", by_alias(account("last.one@former.example", "luca@former.example"))),
    ("14.22-name_without_a_domain", "anna.koch", {"slm": ANNA["slm"]}),
    ("14.23-asterisk", "a*@workshop.example", NOTHING),
    ("14.23-parentheses", "anna)(uid=@workshop.example", NOTHING),
    ("14.23-backslash", "anna\\2a@workshop.example", NOTHING),
]
KEYS = [key for _, key, _ in KINDS]


def addresses(slm):
    """The exact sender login map has whole addresses of people only (pitfall 22)."""
    return {"slm": slm}


# Keys that the exact maps answer otherwise.
EXACT = {
    "ada.lovelace@example.com": addresses({"ada.lovelace@example.com", "ada@example.com"}),
    "Ada.Lovelace@Example.COM": addresses({"ada.lovelace@example.com", "ada@example.com"}),
    "felix.brandt@workshop.example": addresses({"felix.brandt@workshop.example"}),
    "anna.koch@workshop.example": addresses({"anna.koch@workshop.example", "anna@workshop.example"}),
    "anna@workshop.example": addresses({"anna.koch@workshop.example", "anna@workshop.example"}),
    "anna@koch.example": addresses({"anna.koch@workshop.example", "anna@workshop.example"}),
    "anna.koch": {"slm": None},
    **{a: addresses({a}) for a in (
        "lotte.zimmer@workshop.example", "niccolo.bianchi@example.com", "farah.rahman@example.org", "stefan.tutuianu@example.com",
        "lathe@workshop.example", "office@workshop.example", "everyone@workshop.example", "early@workshop.example",
        "box@events.example")},
    "@events.example": addresses({"box@events.example"}),
    "host@events.example": addresses({"host@events.example", "office@events.example", "hosts@event.example"}),
    "hosts@event.example": addresses({"host@events.example", "office@events.example", "hosts@event.example"}),
    "moved@plant.example": addresses({"moved@plant.example", "marek@plant.example"}),
    # Lists whose members are a query, and catch-all entries, are known recipients too.
    "crew@workshop.example": {"slm": {"crew@workshop.example"}, "splitdomain": OK},
    "crew.__internal__@workshop.example": {"slm": {"crew.__internal__@workshop.example"}, "splitdomain": OK},
    "fire@workshop.example": {"slm": {"fire@workshop.example"}, "splitdomain": OK},
    "@plant.example": {"splitdomain": OK},
    # Pitfall 18: an alias domain has the addresses of its domain, no others.
    "@example.net": {"vam": None, "splitdomain": OK},
    "ada.lovelace@example.net": {"vam": ADA["vam"]},
    "ada@example.net": {"vam": ADA["vam"]},
    "management@example.net": {"vam": {"ada.lovelace@example.com", "taro.tanaka@example.com", "joao.goncalves@example.com"}},
    "@event.example": {"vam": BOX["vam"], "splitdomain": OK},
    # Pitfall 19: refused, and not looked for elsewhere.
    "former.example": {"transport": {"error:5.1.2 former.example takes no mail"}},
    # Pitfall 15: who is in a closed domain takes no mail.
    "last.one@former.example": dict.fromkeys(MAPS),
    "luca@former.example": dict.fromkeys(MAPS),
}

def expected(which, key, standard, name):
    if which == "exact" and name in EXACT.get(key, {}):
        return EXACT[key][name]
    return standard.get(name)


@pytest.fixture(scope="module", params=["standard", "exact"])
def postfix(request, sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("postfix") / request.param
    made = Postfix(folder, EXAMPLES / "exact" if request.param == "exact" else EXAMPLES, sample.url, sample.passwords["zmpostfix"])
    made.which = request.param
    made.answers = {name: made.ask(name, KEYS) for name in MAPS}
    return made


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("key, standard", [pytest.param(key, answers, id="rule" + rule) for rule, key, answers in KINDS])
def test_map(postfix, key, standard, name):
    assert postfix.answers[name].get(key) == expected(postfix.which, key, standard, name)


def test_rule5_2_filters_are_those_of_the_mail_system():
    """The standard files ask what 5.2 says."""
    filters = {
        "vmd": "(&(zimbraDomainName=%s)(zimbraDomainType=local)(zimbraMailStatus=enabled))",
        "vad": "(&(zimbraDomainName=%s)(zimbraDomainType=alias)(zimbraMailStatus=enabled))",
        "vmm": "(&(zimbraMailDeliveryAddress=%s)(zimbraMailStatus=enabled))",
        "vam": "(&(|(zimbraMailDeliveryAddress=%s)(zimbraMailAlias=%s)(zimbraOldMailAddress=%s)(zimbraMailCatchAllAddress=%s))"
               "(zimbraMailStatus=enabled))",
        "canonical": "(&(|(zimbraMailDeliveryAddress=%s)(zimbraMailAlias=%s)(zimbraMailCatchAllAddress=%s))(zimbraMailStatus=enabled))",
        "transport": "(&(|(zimbraMailDeliveryAddress=%s)(zimbraDomainName=%s))(zimbraMailStatus=enabled))",
        "slm": "(&(|(uid=%s)(zimbraMailDeliveryAddress=%s)(zimbraMailAlias=%s)(zimbraMailCatchAllAddress=%s)"
               "(zimbraAllowFromAddress=%s))(zimbraMailStatus=enabled))",
        "splitdomain": "(&(|(zimbraMailDeliveryAddress=%s)(zimbraMailAlias=%s)(zimbraMailCatchAllAddress=%s))(zimbraMailStatus=enabled))",
    }
    for name, wanted in filters.items():
        text = (EXAMPLES / f"ldap-{name}.cf").read_text()
        assert re.search(r"^query_filter = (.*)$", text, re.M)[1] == wanted
        # 5.1: the whole tree, as zmpostfix, whatever the domain.
        assert "search_base =\n" in text and "bind_dn = uid=zmpostfix,cn=appaccts,cn=zimbra\n" in text and "\ndomain" not in text


def test_rule5_2_limits(postfix):
    assert postfix.parameter("virtual_alias_expansion_limit") == "10000"
    assert postfix.parameter("propagate_unmatched_extensions") == "canonical"
    assert postfix.parameter("virtual_transport") == "error"


# What is answered follows the directory at once (5.4).

def test_rule5_4_status_of_a_domain(postfix, change_sample):
    """Pitfalls 15, 19 and 24: the status of a domain is enough, whatever its mail status says."""
    keys = ["workshop.example", "anna.koch@workshop.example", "anna@workshop.example", "crew@workshop.example", "office@workshop.example"]
    change_sample("dc=workshop,dc=example", zimbraDomainStatus="closed")
    # With the status goes the mail status (rule 3.8); somebody has set that again.
    change_sample("dc=workshop,dc=example", zimbraMailStatus="enabled")
    answers = {name: postfix.ask(name, keys) for name in MAPS}
    if postfix.which == "exact":
        assert answers == dict.fromkeys(MAPS, {}) | {"transport": {"workshop.example": {"error:5.1.2 workshop.example takes no mail"}}}
    else:
        assert answers["vmd"] == {"workshop.example": {"workshop.example"}} and answers["vam"]["anna@workshop.example"] == ANNA["vam"]


@pytest.mark.parametrize("status", ["locked", "maintenance", "suspended"])
def test_rule3_9_mail_is_taken_for_other_statuses(postfix, change_sample, status):
    change_sample("dc=workshop,dc=example", zimbraDomainStatus=status)
    assert postfix.ask("vmd", ["workshop.example"]) and postfix.ask("vmm", ["anna.koch@workshop.example"])


def test_rule5_4_members_follow_their_status(postfix, change_sample):
    assert postfix.ask("vam", ["crew@workshop.example"]) == {"crew@workshop.example": FORGE | {"temp@partner.example"}}
    change_sample("uid=anna.koch,ou=people,dc=workshop,dc=example", zimbraMailStatus="disabled")
    change_sample("uid=paula.sommer,ou=people,dc=workshop,dc=example", zimbraMailStatus="enabled")
    left = FORGE - ANNA["vam"] | {"paula.sommer@workshop.example"}
    assert postfix.ask("vam", ["crew@workshop.example", "fire@workshop.example"]) == {
        "crew@workshop.example": left | {"temp@partner.example"}, "fire@workshop.example": left}


def test_rule7_1_everybody_else_sees_all_members(root_of_sample):
    entry = root_of_sample.read("cn=fire,cn=groups,dc=workshop,dc=example", ["member"]).only
    assert {dn.decode().split(",")[0] for dn in entry["member"]} == {"uid=anna.koch", "uid=felix.brandt", "uid=paula.sommer", "uid=klaus.ende"}


# What Postfix makes of the answers.

EVERYBODY = ({"lotte.zimmer@workshop.example", "anna.koch@workshop.example", "tax@elsewhere.example", "temp@partner.example", "host@events.example",
              "klaus.ende@workshop.example"} | FORGE)        # Klaus is on the stored list, too


@pytest.mark.parametrize("address, recipients", [
    pytest.param("felix.brandt@workshop.example", FELIX["vam"], id="rule5.3.2-forwarding"),
    pytest.param("anna.weber@workshop.example", ANNA["vam"], id="rule5.3.3-former_address"),
    pytest.param("anna+letters@workshop.example", ANNA["vam"], id="rule5.3.1-extension"),
    pytest.param("whatever@events.example", BOX["vam"], id="rule5.3.1-catch_all"),
    pytest.param("host@events.example", HOST["vam"], id="rule5.3.1-account_before_catch_all"),
    pytest.param("everyone@workshop.example", EVERYBODY, id="rule5.3.4-list_of_lists"),
    pytest.param("early@workshop.example", FELIX["vam"] | {"lotte.zimmer@workshop.example"}, id="rule5.3.4-lists_that_hold_each_other"),
    pytest.param("crew@workshop.example", FORGE | {"temp@partner.example"}, id="rule5.3.5-internal_and_external_members"),
    pytest.param("fire@workshop.example", FORGE, id="rule5.3.5-query"),
    pytest.param("ada@example.net", ADA["vam"], id="rule5.3.6-alias_domain"),
    pytest.param("whatever@event.example", BOX["vam"], id="rule5.3.6-alias_domain_of_a_catch_all"),
    pytest.param("moved@plant.example", {"moved@plant.example"}, id="rule5.3.8-here"),
    pytest.param("other@plant.example", {"other@plant.example"}, id="rule5.3.8-on_the_other_system"),
])
def test_delivery(postfix, address, recipients):
    assert postfix.expand(address) == recipients


@pytest.mark.parametrize("address, taken", [
    pytest.param("ada@example.com", True, id="rule5.3.3-alias"),
    pytest.param("nobody@example.com", False, id="rule5.3.6-unknown"),
    pytest.param("nobody@example.net", "standard", id="rule5.3.6-unknown_in_an_alias_domain"),
    pytest.param("ada@example.net", True, id="rule5.3.6-alias_domain"),
    pytest.param("nobody@event.example", True, id="rule5.3.6-alias_domain_of_a_catch_all"),
    pytest.param("nobody@events.example", True, id="rule5.3.1-catch_all"),
    pytest.param("other@plant.example", True, id="rule5.3.8-split_domain"),
    pytest.param("klaus.ende@workshop.example", False, id="rule5.3.7-closed"),
    pytest.param("stefan.tutuianu@example.com", True, id="rule5.3.7-maintenance"),
    pytest.param("last.one@former.example", False, id="rule5.3.7-closed_domain"),
    pytest.param("silent@workshop.example", False, id="rule5.2-list_that_takes_no_mail"),
])
def test_recipients(postfix, address, taken):
    """Pitfall 18: an alias domain takes any address with the standard maps; the exact ones know who there is."""
    assert postfix.accepts(address) == (taken is True or taken == postfix.which)


@pytest.mark.parametrize("address, transport", [
    pytest.param("moved@plant.example", LMTP, id="rule5.3.8-account_before_domain"),
    pytest.param("other@plant.example", {"smtp:old.plant.example:25"}, id="rule5.3.8-domain"),
    pytest.param("ada.lovelace@example.com", LMTP, id="rule5.3.10-account"),
])
def test_transport(postfix, address, transport):
    assert postfix.transport(address) == transport
