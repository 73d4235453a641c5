"""From the bytes of a bundle to the word that the core is given."""

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edgepind.bundle.jws import NotABundle, is_signed, open_envelope
from edgepind.bundle.payload import digest_of, parse_payload
from edgepind.model.bundle import BundleWord, RefusedBundle, SignedBundle

_UNSIGNED = NotABundle(
    "no key of bundle.keys made its signature",
    "name the public key of whoever signed it in bundle.keys, or have it signed by one that is",
)


def verified(content: bytes, keys: Sequence[Ed25519PublicKey], source: str) -> BundleWord:
    """Judge all of a bundle but its host, its time and its serial. Never raises."""
    found = _verified(content, keys, source)
    if isinstance(found, SignedBundle):
        return found
    digest = hashlib.sha256(content).hexdigest()
    return RefusedBundle(digest, source, found.reason, found.remedy)


def _verified(
    content: bytes, keys: Sequence[Ed25519PublicKey], source: str
) -> SignedBundle | NotABundle:
    envelope = open_envelope(content)
    if isinstance(envelope, NotABundle):
        return envelope
    if not is_signed(envelope, keys):
        return _UNSIGNED
    bundle = parse_payload(envelope.payload)
    if isinstance(bundle, NotABundle):
        return bundle
    return SignedBundle(bundle, digest_of(envelope.payload), source)
