"""The pinning document: the four keys that edgepind owns, and the Edge's `tlsSettings` in it.

How the keys are written to the file is for `effects`.
"""

from dataclasses import dataclass

from edgepind.model.enums import Validator
from edgepind.model.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class Pinning:
    """The four owned keys: `enabled`, `fingerprint`, `fingerprints`, and SHA256 always.

    `accepted` is in the order of the document and begins with `current`. Raises ValueError
    if it would be empty or would not hold `current`: such a document is never written.
    """

    enabled: bool
    current: Fingerprint
    accepted: tuple[Fingerprint, ...]

    def __post_init__(self) -> None:
        """Refuse what would lock the Edge out."""
        if not self.accepted or self.accepted[0] != self.current:
            message = "an allowlist begins with the current pin and is never empty"
            raise ValueError(message)
        if len(set(self.accepted)) != len(self.accepted):
            message = "an allowlist holds each pin once"
            raise ValueError(message)

    def accepts_like(self, other: "Pinning", validator: Validator) -> bool:
        """Whether an Edge that loaded `other` accepts what it would accept under this.

        While validation is off in both, the pins make no difference.
        """
        if self.enabled != other.enabled:
            return False
        if not self.enabled:
            return True
        return self.read_under(validator) == other.read_under(validator)

    def lacks_only_pins_of(self, other: "Pinning") -> bool:
        """Whether this says what `other` does, but for accepted pins that it may lack."""
        alike = (self.enabled, self.current) == (other.enabled, other.current)
        return alike and set(self.accepted) <= set(other.accepted)

    def read_under(self, validator: Validator) -> frozenset[Fingerprint]:
        """The pins that an Edge with this validator uses when it has loaded this."""
        return frozenset({self.current} if validator is Validator.SINGLE else self.accepted)


@dataclass(frozen=True, slots=True)
class EdgeTls:
    """The `tlsSettings`: what the Edge would offer the cloud. edgepind obeys and never writes them.

    `min_version` and `cipher_suites` are the raw words of the document (OpenSSL's names or
    IANA's); None and empty where it says nothing. `allow_rotation` is the Edge's own switch,
    which `check` explains; `strict_validation` likewise.
    """

    min_version: str | None = None
    cipher_suites: tuple[str, ...] = ()
    strict_validation: bool | None = None
    allow_rotation: bool | None = None
