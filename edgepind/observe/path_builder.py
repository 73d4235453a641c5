"""A second search for a path to a root, where OpenSSL's found none that holds now.

OpenSSL takes the first issuer that fits and does not come back; the builder of `cryptography`
does, and finds its way among cross-signed CAs, at any time that it is asked about. Import this
module only where it is called: it costs ten mebibytes that a steady link never needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    ExtendedKeyUsage,
    SubjectAlternativeName,
    load_der_x509_certificate,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    ClientVerifier,
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
)

from edgepind.model.moment import Validity
from edgepind.observe.openssl_path import TrustPath, common_window, spki_pin

_MOST_TIMES = 6
"""A search takes up to 13 ms against a chain made for it, and nothing else runs meanwhile."""


def build_path(
    chain: Sequence[bytes], anchors: Sequence[bytes], wall: datetime
) -> TrustPath | None:
    """A path from the leaf (first in `chain`, DER) to one of `anchors`, valid at `wall` if any is.

    Otherwise one that is valid at a time near it. None where there is none, or where the leaf
    cannot be parsed or something breaks the CA/Browser Forum's profile, names left aside.
    """
    leaf = next(_parsed(chain[:1]), None)
    others, trusted = list(_parsed(chain[1:])), list(_parsed(anchors))
    if leaf is None or not trusted:
        return None
    for time in _times(_validity(leaf), map(_validity, (*others, *trusted)), wall):
        verifier = _verifier_at(time, trusted)
        try:
            path = verifier.verify(leaf, others).chain
        except Exception:  # noqa: BLE001, S112  odd extensions raise more than is documented
            continue
        return TrustPath(
            window=common_window([_validity(it) for it in path]),
            issuers=frozenset(spki_pin(it.public_bytes(Encoding.DER)) for it in path[1:]),
        )
    return None


def _times(leaf: Validity, others: Iterable[Validity], wall: datetime) -> list[datetime]:
    """`wall`, then the times nearest to it at which another path might hold.

    A path that is over was last valid at some certificate's end; one that is yet to come is
    first valid at some certificate's beginning. The leaf is on every path.
    """
    validities = (leaf, *others)
    points = {it.not_after for it in validities if it.not_after < wall}
    points |= {it.not_before for it in validities if it.not_before > wall}
    nearest = sorted(filter(leaf.holds_at, points), key=lambda point: abs(point - wall))
    return [wall, *nearest[:_MOST_TIMES]]


def _verifier_at(time: datetime, trusted: list[Certificate]) -> ClientVerifier:
    # The verifier for servers would hold the leaf against a name too, which is asked elsewhere.
    builder = PolicyBuilder().store(Store(trusted)).time(time)
    return builder.extension_policies(
        ca_policy=_AUTHORITY_POLICY, ee_policy=_LEAF_POLICY
    ).build_client_verifier()


def _serves(_policy: Policy, _holder: Certificate, usage: ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        raise ValueError("it is not for servers")


# The profile of the CA/Browser Forum for a server and its CAs, whatever the server's name.
_AUTHORITY_POLICY = ExtensionPolicy.webpki_defaults_ca().may_be_present(
    ExtendedKeyUsage, Criticality.AGNOSTIC, _serves
)
_LEAF_POLICY = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _serves)
    .may_be_present(SubjectAlternativeName, Criticality.AGNOSTIC, None)
)


def _parsed(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        try:
            certificate = load_der_x509_certificate(der)
            _validity(certificate)
        except Exception:  # noqa: BLE001, S112  a stranger's bytes raise more than is documented
            continue
        yield certificate


def _validity(certificate: Certificate) -> Validity:
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
