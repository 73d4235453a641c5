"""A second search for paths to a root, where OpenSSL's found none that holds now.

OpenSSL takes the first issuer that fits and does not come back; the builder of `cryptography`
does, and finds its way among cross-signed CAs, at any time that it is asked about. It only
proposes: what a leaf may be is not asked here, and OpenSSL is shown every path before it counts.
Import this module only where it is called: it costs ten mebibytes that a steady link never needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    KeyUsage,
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

from edgepind.model.instants import Validity

_MOST_TIMES = 6
"""A search takes up to 13 ms against a chain made for it, and nothing else runs meanwhile."""

Path = tuple[bytes, ...]


def paths(
    leaf: bytes, others: Sequence[bytes], anchors: Sequence[bytes], wall: datetime
) -> Iterator[Path]:
    """Paths (DER) from the leaf through some of `others` to one of `anchors`, both included.

    First one that is valid at `wall`, if there is any, then such as are valid at times near it.
    None where the leaf cannot be parsed.
    """
    end = next(_parsed([leaf]), None)
    steps = [it for it in _parsed(others) if not _self_signed(it)]
    trusted = list(_parsed(anchors))
    if end is None or not trusted:
        return
    given: set[Path] = set()
    for time in _times(_validity(end), map(_validity, (*steps, *trusted)), wall):
        verifier = _verifier_at(time, trusted)
        try:
            found = verifier.verify(end, steps).chain
        except Exception:  # noqa: BLE001, S112  odd extensions raise more than is documented
            continue
        path = tuple(it.public_bytes(Encoding.DER) for it in found)
        if path not in given:
            given.add(path)
            yield path


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


def _certifies(_policy: Policy, _holder: Certificate, basic: BasicConstraints) -> None:
    if not basic.ca:
        raise ValueError("it is no CA")


def _signs(_policy: Policy, _holder: Certificate, usage: KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("it may not sign certificates")


def _serves(_policy: Policy, _holder: Certificate, usage: ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        raise ValueError("it is not for servers")


# What sends the search another way is asked of the CAs; the leaf is the same on every path.
_AUTHORITY_POLICY = (
    ExtensionPolicy.permit_all()
    .require_present(BasicConstraints, Criticality.AGNOSTIC, _certifies)
    .may_be_present(KeyUsage, Criticality.AGNOSTIC, _signs)
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _serves)
)
_LEAF_POLICY = ExtensionPolicy.permit_all()


def _parsed(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        try:
            certificate = load_der_x509_certificate(der)
            _validity(certificate)
        except Exception:  # noqa: BLE001, S112  hostile bytes raise more than is documented
            continue
        yield certificate


def _self_signed(certificate: Certificate) -> bool:
    """Whether it vouches for itself: no step to anywhere, and where OpenSSL would stop."""
    try:
        certificate.verify_directly_issued_by(certificate)
    except Exception:  # noqa: BLE001  hostile bytes raise more than is documented
        return False
    return True


def _validity(certificate: Certificate) -> Validity:
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
