"""Signed pin bundles (CONTRACT section 12), as far as the core knows of them.

A signature is verified in `edgepind.bundle`; whether a bundle is taken is decided in
`core.bundles`.
"""

from dataclasses import dataclass
from datetime import datetime

from edgepind.model.enums import PinKind, Role
from edgepind.model.fingerprint import Fingerprint

MOST_PINS = 32
"""Pins that one bundle may name, and as many that it may revoke."""


@dataclass(frozen=True, slots=True)
class BundlePin:
    """A pin that a bundle names; `role` is current or backup.

    It waits until `not_before`, and lapses after `not_after` unless it is live then; None: it does
    neither.
    """

    fingerprint: Fingerprint
    role: Role
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle says. Its word may be taken from `issued_at` until `expires`."""

    host: str
    kind: PinKind
    pins: tuple[BundlePin, ...]
    revoked: tuple[Fingerprint, ...]
    serial: int
    issued_at: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class KeptSerial:
    """A serial, and the digest of the payload that bore it; 0: none was ever accepted."""

    serial: int = 0
    digest: str = ""


NO_SERIAL = KeptSerial()


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A bundle whose signature by a key of `bundle.keys` was found good.

    `digest` is the SHA-256 of its payload in hex, `source` where it came from ("url", "folder").
    `kept` is the highest serial that root's helper remembers.
    """

    bundle: Bundle
    digest: str
    source: str
    kept: KeptSerial = NO_SERIAL

    @property
    def own(self) -> KeptSerial:
        """Its serial, to be remembered."""
        return KeptSerial(self.bundle.serial, self.digest)


@dataclass(frozen=True, slots=True)
class RefusedBundle:
    """What is no bundle, or bears no good signature. `reason` is a clause, `remedy` another.

    `digest` is that of the bytes as they came.
    """

    digest: str
    source: str
    reason: str
    remedy: str


BundleWord = SignedBundle | RefusedBundle
