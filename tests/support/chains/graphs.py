"""Webs of CAs that certify each other, some of the certificates void (RFC 4158, section 2).

Any graph of certificates can be made, with any of its edges void for any of the reasons for which
a search has to turn back. Whether there is a way is known from the graph alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.chains.forge import (
    Certified,
    Extra,
    Form,
    authority,
    basic,
    leaf,
    new_key,
    purposes,
    root,
)
from tests.support.chains.surgery import over_sha1

Edge = tuple[str, str]
"""Who certifies whom."""
END = "EE"
"""The server: certified by one CA, whose way to the anchor is looked for."""


class Void(StrEnum):
    """Why a certificate between two CAs leads nowhere."""

    EXPIRED = "expired"
    CONSTRAINED = "for other names"
    OTHER_PURPOSE = "not for servers"
    NO_CONSTRAINTS = "without basicConstraints"
    NO_CA = "of no CA"
    SHA1 = "signed with SHA-1"


@dataclass(frozen=True, slots=True)
class Web:
    """Who certifies whom, in the order in which a server sends the certificates."""

    name: str
    edges: tuple[Edge, ...]

    def leads(self, anchor: str, void: Iterable[Edge] = ()) -> bool:
        """Whether a way leads from `anchor` to the server that uses none of `void`."""
        sound = set(self.edges) - set(void)
        reached: set[str] = set()
        wanted = [anchor]
        while wanted:
            at = wanted.pop()
            if at not in reached:
                reached.add(at)
                wanted += [below for above, below in sound if above == at]
        return END in reached


def _web(name: str, *lines: str) -> Web:
    """`above > below below ...`, a line for each CA."""
    edges = []
    for line in lines:
        above, _, below = line.partition(">")
        edges += [(above.strip(), it) for it in below.split()]
    return Web(name, tuple(edges))


LINE = _web("a line", "ICA > EE", "Top > ICA")
TWO_TOPS = _web("two tops", "ICA > EE", "One > ICA", "Two > ICA")
MESH = _web("two that certify each other", "B > EE", "C > B", "A > B", "C > A", "A > C",
            "Top > C A")  # fmt: skip
"""RFC 4158, figure 7."""
BRIDGE = _web(
    "four worlds and a bridge",
    "F > H G", "G > F", "H > I", "I > H", "G > I", "W > F G",
    "J > K", "N > EE", "L > N M", "X > J L",
    "B > E D", "A > B", "C > B", "A > C", "C > A", "Y > A C",
    "R > S", "O > R Q", "P > S", "Z > O P",
    "W > Bridge", "Bridge > W", "X > Bridge", "Bridge > X",
    "Y > Bridge", "Bridge > Y", "Z > Bridge", "Bridge > Z",
)  # fmt: skip
"""RFC 4158, figure 10: most of what is sent belongs to other worlds than the server's."""


def sent(
    web: Web,
    anchor: str,
    void: Iterable[Edge],
    reason: Void,
    now: datetime,
    *,
    identified: bool = True,
) -> tuple[Certified, tuple[Certified, ...]]:
    """The anchor, and what a server of `web` sends; without `identified` names alone tell CAs."""
    plain = Form() if identified else Form(without=_IDENTIFIERS)
    names = sorted({name for edge in web.edges for name in edge})
    keys = {name: new_key() for name in names}
    cas = {it: root(it, replace(plain, key=keys[it], identified=identified)) for it in names}
    void, ends, others = frozenset(void), [], []
    for above, below in web.edges:
        if below == END:
            ends.append(leaf(cas[above], form=plain))
            continue
        form = replace(plain, key=keys[below])
        if (above, below) not in void:
            others.append(authority(cas[above], below, form))
        elif reason is Void.SHA1:
            others.append(over_sha1(authority(cas[above], below, form), keys[above]))
        else:
            others.append(authority(cas[above], below, _voided(form, reason, now)))
    return cas[anchor], (*ends, *others)


_IDENTIFIERS = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
_EXTRAS: Mapping[Void, Extra] = {
    Void.CONSTRAINED: (x509.NameConstraints([x509.DNSName("elsewhere.test")], None), True),
    Void.OTHER_PURPOSE: purposes(ExtendedKeyUsageOID.EMAIL_PROTECTION),
    Void.NO_CA: basic(ca=False),
}


def _voided(form: Form, reason: Void, now: datetime) -> Form:
    match reason:
        case Void.EXPIRED:
            return replace(form, not_after=now - timedelta(days=1))
        case Void.NO_CONSTRAINTS:
            return replace(form, without=(*form.without, x509.BasicConstraints))
        case _:
            return replace(form, extras=(_EXTRAS[reason],))
