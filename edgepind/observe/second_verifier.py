"""Which rule of the WebPKI a chain breaks, by the verifier of `cryptography`: asked for adoption.

OpenSSL, by which the Edge judges, overlooks much that a public CA may not do (CA/Browser Forum,
Baseline Requirements; RFC 5280). A leaf that nobody announced has to be good for both.
Import this module only where it is called: it costs ten mebibytes that a steady link never needs.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address

from cryptography.x509 import DNSName, IPAddress, load_der_x509_certificate
from cryptography.x509.verification import PolicyBuilder, Store, Subject

from edgepind.formats import foreign_text
from edgepind.observe.path_builder import paths

_AROUND = re.compile(
    r"^(validation failed: |candidates exhausted: |invalid extension: )+"
    r"|\s*\(encountered processing .*\)$"
    r"|AlgorithmIdentifier .* params: | \}$",
    re.DOTALL,
)
_EXTENSIONS = {
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.30": "nameConstraints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.36": "policyConstraints",
    "2.5.29.37": "extendedKeyUsage",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
}
"""RFC 5280, section 4.2: the verifier names them by number."""


def broken_rule(
    leaf: bytes,
    steps: Sequence[bytes],
    anchors: Sequence[bytes],
    host: str,
    wall: datetime,
) -> str | None:
    """The rule that a leaf (DER) breaks on its best way to an anchor, a clause; None: none.

    `steps` and `anchors` are as for `paths`. Never raises, whatever the certificates are.
    """
    first: str | None = None
    for path in paths(leaf, steps, anchors, wall):
        refusal = _refusal(path, host, wall)
        if refusal is None:
            return None
        first = first or refusal
    return first or "no path leads to a public root where names are compared octet by octet"


def _refusal(path: Sequence[bytes], host: str, wall: datetime) -> str | None:
    try:
        leaf, *steps, root = map(load_der_x509_certificate, path)
        verifier = PolicyBuilder().store(Store([root])).time(wall)
        verifier.build_server_verifier(_subject(host)).verify(leaf, steps)
    except Exception as error:  # noqa: BLE001  hostile bytes raise more than is documented
        return _clause(str(error)) or type(error).__name__
    return None


def _clause(said: str) -> str:
    """What it says, without what surrounds it; names of a certificate may stand in it."""
    text = _AROUND.sub("", said)
    number, colon, rest = text.partition(": ")
    if number in _EXTENSIONS:
        text = f"{_EXTENSIONS[number]}{colon}{rest}"
    return foreign_text(text)


def _subject(host: str) -> Subject:
    try:
        return IPAddress(ip_address(host))
    except ValueError:
        return DNSName(host)
