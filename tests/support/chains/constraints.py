"""What a CA may certify: name constraints, path lengths, and extensions that nobody knows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from cryptography import x509

from tests.support.chains.entry import NO_ROOT, OTHER_NAME, RIGHT, Entry, Verdict
from tests.support.chains.forge import (
    HOST,
    Extra,
    Form,
    as_name,
    authority,
    basic,
    ladder,
    leaf,
    root,
    unknown,
)

_NOBODY_KNOWS = "1.3.6.1.4.1.55555.1"


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _by_name(now)
    yield from _elsewhere_than_the_issuer(now)
    yield from _by_length(now)
    yield from _unknown(now)


def _names(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    tries: str
    permitted: Iterable[x509.GeneralName] | None
    excluded: Iterable[x509.GeneralName] | None
    expected: Verdict
    why: str
    names: tuple[str | x509.GeneralName, ...] = (HOST,)
    subject: str = HOST
    host: str = HOST
    critical: bool = True


_CASES = (
    _Case("permitted domain", "a CA for one domain, and a host in it", _names("test"), None,
          RIGHT, "the host is in the domain"),
    _Case("permitted name", "a CA for one name", _names(HOST), None, RIGHT, "it is that name"),
    _Case("not permitted", "a CA for one domain, and a host elsewhere",
          _names("elsewhere.test"), None, NO_ROOT, "the host is not in the domain"),
    _Case("not permitted, not critical", "the constraint is marked as a hint",
          _names("elsewhere.test"), None, NO_ROOT, "it binds all the same", critical=False),
    _Case("permitted by a part of a label", "the domain's letters, not its labels",
          _names("dge.test"), None, NO_ROOT, "labels are compared whole"),
    _Case("permitted with a leading dot", "a dot that RFC 5280 does not have for dNSName",
          _names(".edge.test"), None, RIGHT, "OpenSSL takes it for all below the domain",
          names=("a.edge.test",), host="a.edge.test"),
    _Case("excluded", "all but one domain", None, _names("edge.test"), NO_ROOT,
          "the host is in the excluded domain"),
    _Case("excluded elsewhere", "all but another domain", None, _names("elsewhere.test"), RIGHT,
          "the host is not in the excluded domain"),
    _Case("permitted and excluded", "a hole in the permitted domain", _names("test"),
          _names("edge.test"), NO_ROOT, "what is excluded is not permitted again"),
    _Case("all names excluded", "an empty name in the list", None, _names(""), NO_ROOT,
          "every name ends with the empty one"),
    _Case("one of two names excluded", "the host is free, a second name is not", None,
          _names("elsewhere.test"), NO_ROOT, "all names of a leaf must be free",
          names=(HOST, "elsewhere.test")),
    _Case("wildcard around an excluded name", "the asterisk covers what is excluded", None,
          _names("a.edge.test"), RIGHT, "the pattern itself is not below the excluded name",
          names=("*.edge.test",), host="b.edge.test"),
    _Case("wildcard met as the excluded name", "the asterisk covers what is excluded", None,
           _names("a.edge.test"), NO_ROOT, "the name that is met is excluded",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard met as the excluded name in other case", "letters of either case", None,
          _names("A.Edge.TEST"), NO_ROOT, "case makes no difference in a name",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard around what is below the met name", "a dot that keeps the name itself free",
          None, _names(".a.edge.test"), RIGHT, "all below the met name is excluded, not itself",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard below an excluded dot", "a dot that excludes all below a domain", None,
          _names(".edge.test"), NO_ROOT, "the pattern is below it",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard and a part of a label", "the end of the met label", None, _names("b.edge.test"),
          RIGHT, "labels are compared whole", names=("*.edge.test",), host="ab.edge.test"),
    _Case("wildcard in a hole", "a domain is permitted and a name in it excluded",
          _names("edge.test"), _names("a.edge.test"), NO_ROOT,
          "the name that is met is excluded", names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard in a permitted domain", "all of the pattern is permitted",
          _names("edge.test"), None, RIGHT, "the met name is in the domain",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard wider than what is permitted", "a part of the pattern is permitted",
          _names("a.edge.test"), None, NO_ROOT, "the pattern is not in the permitted name",
          names=("*.edge.test",), host="a.edge.test"),
    _Case("wildcard beside another name", "what is met is free, and another is excluded", None,
          _names("b.edge.test"), RIGHT, "the met name alone is held against it",
          names=("*.edge.test", HOST), host="a.edge.test"),
    _Case("wildcard under a CA for addresses", "names are not spoken of", None,
          [x509.IPAddress(ip_network("192.0.2.0/24"))], RIGHT,
          "a constraint binds names of its own kind", names=("*.edge.test",), host="a.edge.test"),
    _Case("address excluded", "a network that is excluded", None,
          [x509.IPAddress(ip_network("192.0.2.0/24"))], NO_ROOT,
          "the address is in the network", names=("192.0.2.7",), host="192.0.2.7"),
    _Case("address under a CA for names", "addresses are not spoken of", _names("edge.test"), None,
          RIGHT, "a constraint binds names of its own kind", names=("192.0.2.7",),
          host="192.0.2.7"),
    _Case("name beside an excluded address", "the name is met, the address is not", None,
          [x509.IPAddress(ip_network("192.0.2.0/24"))], NO_ROOT, "all names of a leaf must be free",
          names=("*.edge.test", "192.0.2.7"), host="a.edge.test"),
    _Case("addresses alone permitted", "names are not spoken of",
          [x509.IPAddress(ip_network("192.0.2.0/24"))], None, RIGHT,
          "a constraint binds names of its own kind"),
    _Case("all addresses excluded", "no address, and the leaf has one beside its name", None,
          [x509.IPAddress(ip_network("0.0.0.0/0"))], NO_ROOT, "all names of a leaf must be free",
          names=(HOST, "192.0.2.1")),
    _Case("address permitted", "a CA for a network", [x509.IPAddress(ip_network("192.0.2.0/24"))],
          None, RIGHT, "the address is in the network", names=("192.0.2.7",), host="192.0.2.7"),
    _Case("address not permitted", "one network further",
          [x509.IPAddress(ip_network("192.0.2.0/24"))], None, NO_ROOT,
          "the address is not in the network", names=("192.0.3.7",), host="192.0.3.7"),
    _Case("subject not permitted", "a constraint on the distinguished name",
          [x509.DirectoryName(as_name("somebody else"))], None, NO_ROOT,
          "the subject is not below the permitted name"),
    _Case("subject excluded", "a constraint on the distinguished name", None,
          [x509.DirectoryName(as_name(HOST))], NO_ROOT, "the subject is excluded"),
    _Case("mailboxes alone permitted", "hosts are not spoken of", [x509.RFC822Name("edge.test")],
          None, RIGHT, "a constraint binds names of its own kind"),
    _Case("constraint of an unknown kind", "a registeredID, which no library compares",
          [x509.RegisteredID(x509.ObjectIdentifier(_NOBODY_KNOWS))], None, RIGHT,
          "the leaf has no name of that kind"),
    _Case("common name not permitted", "no subjectAltName to hold the constraint against",
          _names("elsewhere.test"), None, OTHER_NAME,
          "the common name is asked for nothing, not for this either", names=()),
)  # fmt: skip


def _by_name(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    for it in _CASES:
        limits = x509.NameConstraints(it.permitted, it.excluded)
        issuer = authority(top, "Issuing CA", Form(extras=((limits, it.critical),)))
        end = leaf(issuer, it.names, subject=it.subject)
        yield Entry(
            it.name, it.tries, (end, issuer), (top,), it.expected, it.why, now, host=it.host
        )


def _elsewhere_than_the_issuer(now: datetime) -> Iterator[Entry]:
    limits: Extra = (x509.NameConstraints(_names("elsewhere.test"), None), True)
    narrow = root("Narrow Root", Form(extras=(limits,)))
    low, high = ladder(narrow, 2)
    yield Entry(
        "constraint in the root",
        "three steps above the leaf",
        (leaf(low), low, high),
        (narrow,),
        NO_ROOT,
        "a root's constraints bind all below it",
        now,
    )
    top = root("Root")
    wide: Extra = (x509.NameConstraints(_names(HOST), None), True)
    above = authority(top, "Policy CA", Form(extras=(limits,)))
    below = authority(above, "Issuing CA", Form(extras=(wide,)))
    yield Entry(
        "constraint widened below",
        "a CA allows itself what it was not allowed",
        (leaf(below), below, above),
        (top,),
        NO_ROOT,
        "the constraints of all CAs bind",
        now,
    )
    bars: Extra = (x509.NameConstraints(None, _names("a.edge.test")), True)
    barred = authority(top, "Policy CA", Form(extras=(bars,)))
    free = authority(barred, "Issuing CA")
    pattern = leaf(free, ("*.edge.test",))
    yield Entry(
        "wildcard of a CA that excludes the name two steps up",
        "the asterisk covers what the CA above its own excludes",
        (pattern, free, barred),
        (top,),
        NO_ROOT,
        "the constraints of all CAs bind",
        now,
        host="a.edge.test",
    )
    other = authority(top, free.subject, Form(key=free.key))
    yield Entry(
        "wildcard by a path that excludes the name, and one that does not",
        "the excluded path comes first",
        (pattern, free, barred, other),
        (top,),
        RIGHT,
        "one path certifies it",
        now,
        host="a.edge.test",
    )
    issuer = authority(top, "Issuing CA")
    yield Entry(
        "constraint in the leaf", "an extension in the wrong place",
        (leaf(issuer, form=Form(extras=(limits,))), issuer), (top,), RIGHT,
        "a leaf certifies nothing, so nothing is bound", now,
    )  # fmt: skip


def _by_length(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    last = authority(top, "Last CA", Form(extras=(basic(ca=True, path_length=0),)))
    below = authority(last, "One CA More")
    yield Entry(
        "path length kept",
        "a CA that may certify leaves alone",
        (leaf(last), last),
        (top,),
        RIGHT,
        "it certified a leaf",
        now,
    )
    yield Entry(
        "path length exceeded",
        "a CA below one that may certify leaves alone",
        (leaf(below), below, last),
        (top,),
        NO_ROOT,
        "the path is longer than allowed",
        now,
    )
    again = authority(last, "Last CA")
    yield Entry(
        "path length and a self-issued CA",
        "the last CA's next key",
        (leaf(again), again, last),
        (top,),
        RIGHT,
        "RFC 5280 does not count a CA that certifies itself",
        now,
    )
    short = root("Short Root", Form(extras=(basic(ca=True, path_length=0),)))
    under = authority(short, "Issuing CA")
    yield Entry(
        "path length of the root", "a root that may certify leaves alone",
        (leaf(under), under), (short,), NO_ROOT, "a root's path length binds, too", now,
    )  # fmt: skip


def _unknown(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    must = Form(extras=(unknown(_NOBODY_KNOWS, critical=True),))
    yield Entry(
        "unknown extension",
        "a hint that nobody knows",
        (leaf(issuer, form=Form(extras=(unknown(_NOBODY_KNOWS),))), issuer),
        (top,),
        RIGHT,
        "what is not critical may be left aside",
        now,
    )
    yield Entry(
        "unknown critical extension in the leaf",
        "a condition that nobody knows",
        (leaf(issuer, form=must), issuer),
        (top,),
        NO_ROOT | OTHER_NAME,
        "what is critical must be understood, and bears no name until it is",
        now,
    )
    strange = authority(top, "Issuing CA", must)
    yield Entry(
        "unknown critical extension in the intermediate",
        "a condition that nobody knows",
        (leaf(strange), strange),
        (top,),
        NO_ROOT,
        "what is critical must be understood",
        now,
    )
    poison: Extra = (x509.PrecertPoison(), True)
    yield Entry(
        "precertificate",
        "made for a log of Certificate Transparency, and served",
        (leaf(issuer, form=Form(extras=(poison,))), issuer),
        (top,),
        NO_ROOT | OTHER_NAME,
        "its poison is critical so that nobody takes it",
        now,
    )
    policies: Extra = (x509.PolicyConstraints(0, None), True)
    explicit = authority(top, "Issuing CA", Form(extras=(policies,)))
    yield Entry(
        "policy asked for and not there",
        "a CA insists on a policy that its leaf lacks",
        (leaf(explicit), explicit),
        (top,),
        RIGHT,
        "TLS clients check no policies",
        now,
    )
    staple: Extra = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
    yield Entry(
        "stapling promised and not done", "an OCSP answer was to come with the handshake",
        (leaf(issuer, form=Form(extras=(staple,))), issuer), (top,), RIGHT,
        "OpenSSL asks for revocation only where it is told to", now,
    )  # fmt: skip
