"""The pins as a connection to the status endpoint is held against them."""

from dataclasses import dataclass

from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint

PinKey = tuple[PinKind, Fingerprint]
"""`Pin.key`: what a leaf is compared with."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a leaf is worth to who shows it, by the keys of pins (`core.standing` sorts them).

    `accepted` are all that the Edge accepts; `believed`, which are among them, those with
    standing: announcements are heard, and tokens sent, over their leaves alone.
    """

    accepted: frozenset[PinKey] = frozenset()
    believed: frozenset[PinKey] = frozenset()
