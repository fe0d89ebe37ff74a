"""Entries that are hard on a directory: names and values with everything that must be escaped, in many scripts, with spaces and cases
that matching ignores, of several values in one RDN, long, with options; aliases, referrals and subentries among them. By seed."""
import base64
import random

import ldap.dn

BASE = "dc=adversarial"
SPECIAL = [",", "+", '"', "\\", "<", ">", ";", "=", "#", "*", "(", ")", "/", "?", "%", "&", "|", "!", "~", "'", ":", "@", "$", "\t", "\u00a0"]
SCRIPTS = ["Ærøskøbing", "Žižek", "İzmir", "Iğdır", "ǅemal", "Ελλάδα", "Σίσυφος", "Кирилл", "Ղարաբաղ", "תל אביב", "القاهرة", "ढाका", "ไทย", "北京", "東京タワー",
           "ｆｕｌｌ", "서울", "Ắn Độ", "e\u0301clair", "éclair", "ﬁsh", "fish", "Å", "A\u030a", "Ω", "Ω", "𝔘𝔫𝔦", "😀 smile", "ßtraße", "STRASSE", "ẞ",
           "ŉ", "ĳ", "²", "½", "Ⅷ", "٣", "𐐀", "x\u0327\u0301", "x\u0301\u0327"]
SPACES = ["two  spaces", " leading", "trailing ", "  both  ", "a   b    c", "a b", "A  B"]
OPTIONS = ["", "", "", ";lang-en", ";lang-de", ";lang-en-US", ";lang-ja;lang-en"]
CLASSES = ["person", "organizationalPerson", "inetOrgPerson"]


class Writer:
    def __init__(self, file):
        self.file = file

    def line(self, name, value):
        data = value.encode() if isinstance(value, str) else value
        safe = data and data[0] not in b" :<" and data[-1] not in b" " and all(32 <= c < 127 for c in data)
        text = f"{name}: {data.decode()}" if safe or not data else f"{name}:: {base64.b64encode(data).decode()}"
        self.file.write(text + "\n")

    def entry(self, dn, *pairs):
        self.line("dn", dn)
        for name, value in pairs:
            self.line(name, value)
        self.file.write("\n")


def write(path, seed, count=160):
    """An LDIF file; the names in it."""
    source = random.Random(seed)
    names, taken = [], set()

    def word():
        kind = source.randrange(8)
        if kind == 0:
            return source.choice(SPACES)
        if kind == 1:
            return "".join(source.choice(SPECIAL) for _ in range(source.randint(1, 6))) or "x"
        if kind in (2, 3, 4):
            return source.choice(SCRIPTS)
        if kind == 5:
            text = source.choice(SCRIPTS)
            return text[0] + source.choice(SPECIAL) + text[1:]
        if kind == 6:
            return source.choice("abcXYZ") * source.choice([1, 3, 60, 255, 256, 400])
        return "".join(source.choice("aAbBcC ") for _ in range(source.randint(1, 10))).strip() or "a"

    def fresh():
        """A value for an RDN that no rule takes for another; slapd has room for some 200 octets of an RDN."""
        text = f"{word().strip()[-24:] or 'x'} {len(taken)}"
        taken.add(text)
        return text

    with open(path, "w", encoding="utf-8") as file:
        out = Writer(file)
        out.entry(BASE, ("objectClass", "domain"), ("dc", "adversarial"))
        parents = [BASE]
        names.append(BASE)
        for _ in range(12):
            value = fresh()
            dn = f"ou={ldap.dn.escape_dn_chars(value)},{source.choice(parents)}"
            parents.append(dn)
            names.append(dn)
            out.entry(dn, ("objectClass", "organizationalUnit"), ("ou", value))
        for number in range(count):
            value, surname = fresh(), word().strip()[:24].strip() or "x"
            rdn, pairs = f"cn={ldap.dn.escape_dn_chars(value)}", [("cn", value), ("sn", surname)]
            if source.random() < 0.25:
                rdn = source.choice([f"{rdn}+sn={ldap.dn.escape_dn_chars(surname)}", f"sn={ldap.dn.escape_dn_chars(surname)}+{rdn}"])
            dn = f"{rdn},{source.choice(parents)}"
            names.append(dn)
            seen = set()
            for _ in range(source.randint(0, 5)):
                name = source.choice(["description", "description", "title", "seeAlso", "telephoneNumber", "l"])
                text = word()
                if name == "seeAlso":
                    text = source.choice(names)
                elif name == "telephoneNumber":
                    text = source.choice(["+1 555 0100", "+1-555-0100", "15550100", "+49 (0)30 1234"])
                elif source.random() < 0.1:
                    text = (text * 3000)[:source.choice([1000, 5000, 20000])]
                option = source.choice(OPTIONS) if name != "seeAlso" else ""
                if text.strip() and (name + option) not in seen:
                    seen.add(name + option)
                    pairs.append((name + option, text))
            kind = source.choice(CLASSES)
            if kind == "person":
                pairs = [p for p in pairs if p[0].split(";")[0] not in ("title", "l")]
            out.entry(dn, ("objectClass", kind), *pairs)
        for number in range(25):
            target = source.choice(names) if source.random() < 0.9 else f"cn=nowhere,{BASE}"
            dn = f"cn=alias {number},{source.choice(parents)}"
            names.append(dn)
            out.entry(dn, ("objectClass", "alias"), ("objectClass", "extensibleObject"), ("cn", f"alias {number}"), ("aliasedObjectName", target))
        for number in range(6):
            dn = f"cn=referral {number},{source.choice(parents)}"
            names.append(dn)
            urls = [("ref", f"ldap://host{number}.example" + source.choice(["", "/dc=elsewhere", "/dc=elsewhere??one", ":1389/dc=a,dc=b"]))]
            out.entry(dn, ("objectClass", "referral"), ("objectClass", "extensibleObject"), ("cn", f"referral {number}"), *urls)
        for number in range(4):
            dn = f"cn=subentry {number},{source.choice(parents)}"
            names.append(dn)
            out.entry(dn, ("objectClass", "subentry"), ("objectClass", "extensibleObject"), ("cn", f"subentry {number}"), ("subtreeSpecification", "{}"))
    return names
