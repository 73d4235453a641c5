"""The Edge's own `tlsSettings`, as they stand in its pinning document: obeyed, never written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdgeTls:
    """What the Edge would offer the cloud.

    `min_version` and `cipher_suites` are the raw words of the document (OpenSSL's names or
    IANA's); None and empty where it says nothing. `allow_rotation` is the Edge's own switch,
    which `check` explains; `strict_validation` likewise.
    """

    min_version: str | None = None
    cipher_suites: tuple[str, ...] = ()
    strict_validation: bool | None = None
    allow_rotation: bool | None = None
