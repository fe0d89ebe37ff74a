"""Every rule of the semantics that the reading side rests on (sections 2, 3, 5, 6 and 7) is cited by a test: as `rule2_6` in a name, or as
`rule 2.6` in a line of text. The document itself is not in the repository: its numbers are."""
import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent

# Each as many as there are: 2.1 to 2.16, …
RULES = (
    [f"2.{n}" for n in range(1, 17)]
    + [f"3.{n}" for n in range(1, 16)]
    + ["5.1", "5.2", "5.4"] + [f"5.3.{n}" for n in range(1, 11)] + [f"5.5.{n}" for n in range(1, 7)]
    + [f"5.6.{n}" for n in range(1, 5)] + [f"5.7.{n}" for n in range(1, 4)]
    + [f"6.1.{n}" for n in range(1, 5)] + ["6.2"] + [f"6.3.{n}" for n in range(1, 7)] + [f"6.4.{n}" for n in range(1, 8)] + ["6.5"]
    + [f"6.6.{n}" for n in range(1, 7)] + [f"6.7.{n}" for n in range(1, 6)] + [f"6.8.{n}" for n in range(1, 7)] + ["6.9", "6.10"]
    + [f"7.1.{n}" for n in range(1, 8)] + [f"7.{n}" for n in range(2, 17)]
)

# What no directory server does.
OTHERS = {
    "3.15": "the order in which a console deletes an account and its mailbox",
    "5.5.6": "whom the proxy's look-up service gives its tokens",
    "5.7.3": "when the mail server's filter asks; what it asks is section 10",
    "6.8.4": "how a mailbox imports contacts",
}


def citations():
    """Rule numbers, in the lines of tests that speak of rules."""
    own = pathlib.Path(__file__).resolve()
    for path in sorted(TESTS.rglob("*")):
        if path.suffix not in (".swift", ".py") or path.resolve() == own:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"rule|semantics", line, re.IGNORECASE):
                for number in re.findall(r"(?<![\d.])\d+(?:[._]\d+)+(?![.]\d)", line):
                    yield number.replace("_", ".")


def test_every_rule_is_cited():
    cited = set(citations())
    assert not [rule for rule in RULES if rule not in cited and rule not in OTHERS]


def test_exceptions_are_rules_and_few():
    assert set(OTHERS) <= set(RULES) and len(OTHERS) <= 6
