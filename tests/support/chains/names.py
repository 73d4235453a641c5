"""The name: what stands in subjectAltName, and what only looks like the host."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from tests.support.chains.entry import OTHER_NAME, RIGHT, Entry, Verdict
from tests.support.chains.forge import HOST, authority, leaf, root


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    tries: str
    names: tuple[str | x509.GeneralName, ...]
    host: str
    expected: Verdict
    why: str
    subject: str = "nobody"


def _raw(text: str) -> x509.DNSName:
    """A dNSName that is not made of ASCII, as some CAs have issued."""
    return x509.DNSName._init_without_validation(text)  # noqa: SLF001  that it is wrong is the point


_CASES = (
    _Case("one name", "nothing: the plain case", (HOST,), HOST, RIGHT, "the name is there"),
    _Case(
        "one of many names", "a certificate shared by many hosts",
        (*(f"h{number}.test" for number in range(60)), HOST), HOST, RIGHT, "the name is there",
    ),
    _Case(
        "host in capitals", "letters in the other case", ("eDGe.TeSt",), HOST, RIGHT,
        "names of hosts know no case (RFC 4343)",
    ),
    _Case("another name", "a right chain for somebody else", ("other.test",), HOST, OTHER_NAME,
          "the name is not there"),
    _Case(
        "no subjectAltName", "the host stands in the common name alone", (), HOST, OTHER_NAME,
        "RFC 9525 leaves the common name aside", subject=HOST,
    ),
    _Case(
        "no name at all", "no subjectAltName and an empty subject", (), HOST, OTHER_NAME,
        "there is nothing to compare", subject="",
    ),
    _Case(
        "common name beside other names", "the host stands in the common name, not in "
        "subjectAltName", ("other.test",), HOST, OTHER_NAME, "subjectAltName decides alone",
        subject=HOST,
    ),
    _Case(
        "common name beside an address", "subjectAltName holds an IP address only",
        ("192.0.2.1",), HOST, OTHER_NAME, "RFC 9525 leaves the common name aside", subject=HOST,
    ),
    _Case("wildcard", "one label left open", ("*.edge.test",), "a.edge.test", RIGHT,
          "an asterisk stands for one label"),
    _Case("wildcard for the domain itself", "no label where one is asked",
          ("*.edge.test",), HOST, OTHER_NAME, "an asterisk stands for one label, not for none"),
    _Case("wildcard for two labels", "one label too many", ("*.edge.test",), "a.b.edge.test",
          OTHER_NAME, "an asterisk stands for one label"),
    _Case("wildcard of a top-level domain", "all of a registry's names", ("*.test",), HOST,
          OTHER_NAME, "two labels must follow an asterisk"),
    _Case("wildcard alone", "all names", ("*",), "test", OTHER_NAME,
          "two labels must follow an asterisk"),
    _Case("end of a label left open", "an asterisk behind letters", ("e*.edge.test",),
          "eagle.edge.test", OTHER_NAME, "RFC 9525 lets an asterisk be a whole label alone"),
    _Case("middle of a label left open", "an asterisk between letters", ("e*e.edge.test",),
          "eagle.edge.test", OTHER_NAME, "RFC 9525 lets an asterisk be a whole label alone"),
    _Case("two asterisks", "two labels left open", ("*.*.edge.test",), "a.b.edge.test",
          OTHER_NAME, "one asterisk is the most there may be"),
    _Case("asterisk further in", "not the leftmost label", ("a.*.test",), "a.edge.test",
          OTHER_NAME, "only the leftmost label may be left open"),
    _Case("IDN as A-label", "a name of another alphabet", ("xn--bcher-kva.test",),
          "xn--bcher-kva.test", RIGHT, "certificates hold A-labels, as does the host"),
    _Case("IDN as U-label", "a dNSName that is not ASCII", (_raw("bücher.test"),),
          "xn--bcher-kva.test", OTHER_NAME, "RFC 5280 allows no U-label there"),
    _Case("IDN under a wildcard", "an A-label where the asterisk stands", ("*.edge.test",),
          "xn--bcher-kva.edge.test", RIGHT, "a whole label may be an A-label"),
    _Case("part of an A-label left open", "an asterisk within an A-label", ("xn--*.edge.test",),
          "xn--bcher-kva.edge.test", OTHER_NAME, "a part of an A-label means nothing"),
    _Case("look-alike of another alphabet", "a Cyrillic letter in the name",
          ("xn--dge-pdc.test",), HOST, OTHER_NAME, "the octets are what is compared"),
    _Case("NUL in the name", "a name that C might read to its middle",
          (x509.DNSName(f"{HOST}\0.evil.test"),), HOST, OTHER_NAME,
          "the name is longer than it looks"),
    _Case("host with a tail", "the host is the beginning of the name", (f"{HOST}.evil.test",),
          HOST, OTHER_NAME, "the whole name is compared"),
    _Case("host with a head", "the host is the end of the name", (f"evil-{HOST}",), HOST,
          OTHER_NAME, "the whole name is compared"),
    _Case("name with a final dot", "a rooted name", (f"{HOST}.",), HOST, OTHER_NAME,
          "a certificate holds names without the dot"),
    _Case("name with a leading dot", "the domain and all below it, as some believed",
          (".edge.test",), "a.edge.test", OTHER_NAME, "a name is no suffix"),
    _Case("underscore", "what is no host name by RFC 952", ("edge_1.test",), "edge_1.test",
          RIGHT, "OpenSSL compares it like any other"),
    _Case("address", "the host is an IPv4 address", ("192.0.2.1",), "192.0.2.1", RIGHT,
          "the address is there"),
    _Case("another address", "one octet off", ("192.0.2.2",), "192.0.2.1", OTHER_NAME,
          "the address is not there"),
    _Case("address as a dNSName", "an IPv4 address written as a name",
          (x509.DNSName("192.0.2.1"),), "192.0.2.1", OTHER_NAME, "an address is no name"),
    _Case("IPv6 address", "the host is an IPv6 address", ("2001:db8::1",), "2001:db8::1", RIGHT,
          "the address is there"),
    _Case("IPv4 address mapped into IPv6", "the same address in the other family",
          ("::ffff:192.0.2.1",), "192.0.2.1", OTHER_NAME, "sixteen octets are not four"),
    _Case("host as a URI", "the host in a name of another kind",
          (x509.UniformResourceIdentifier(f"https://{HOST}/"),), HOST, OTHER_NAME,
          "a URI names no host of TLS"),
    _Case("host as a mailbox", "the host in a name of another kind",
          (x509.RFC822Name(f"root@{HOST}"),), HOST, OTHER_NAME, "a mailbox names no host"),
)  # fmt: skip


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family; chain and time are right each time."""
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    for it in _CASES:
        end = leaf(issuer, it.names, subject=it.subject)
        yield Entry(
            it.name, it.tries, (end, issuer), (top,), it.expected, it.why, now, host=it.host
        )
