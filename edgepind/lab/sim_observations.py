"""Imagined observations: leaves, links and Edges made from a few words, for driving the core.

Scenarios, properties and the simulator are made of these. They are real observation values; what
is imagined is only that nobody had to look.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import (
    AddressSeen,
    Chain,
    HandshakeFault,
    Leaf,
    Link,
    NotServed,
    Served,
)

EPOCH = datetime(2027, 1, 1, tzinfo=UTC)
"""When imagined worlds begin."""

_YEAR = timedelta(days=365)
LONG = Validity(EPOCH - _YEAR, EPOCH + 100 * _YEAR)


def fingerprint(name: str) -> Fingerprint:
    """The fingerprint of the imagined certificate called `name`."""
    return Fingerprint(hashlib.sha256(f"certificate {name}".encode()).digest())


def spki(name: str) -> Fingerprint:
    """The SPKI pin of the imagined certificate called `name`."""
    return Fingerprint(hashlib.sha256(f"key {name}".encode()).digest())


def leaf(
    name: str,
    *,
    public: bool = True,
    excepted: bool = False,
    name_matches: bool = True,
    validity: Validity = LONG,
    issuer: str = "Imagined Public CA",
    breach: str | None = None,
) -> Leaf:
    """The imagined leaf called `name`; `public`: its chain reaches the public roots.

    Its CA is called `issuer`, and so is the owner of that.
    """
    chain = Chain(validity, frozenset({spki(issuer)}), owners=frozenset({issuer}))
    nowhere = Chain(None, problem="no path to a root")
    return Leaf(
        certificate=fingerprint(name),
        spki=spki(name),
        subject=f"CN={name}",
        issuer=f"CN={issuer}",
        validity=validity,
        name_matches=name_matches,
        public=chain if public else nowhere,
        system=chain,
        exception=chain if excepted else None,
        breach=breach,
    )


def link(served: Mapping[str, Leaf | HandshakeFault], *, wider_only: bool = False) -> Link:
    """A link whose addresses serve these leaves, or fail in these ways."""
    return Link(
        tuple(
            AddressSeen(
                address,
                Served(it, "TLSv1.3", "TLS_AES_128_GCM_SHA256", wider_only)
                if isinstance(it, Leaf)
                else NotServed(it, f"{address} does not answer ({it})"),
            )
            for address, it in served.items()
        )
    )
