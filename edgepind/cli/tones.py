"""Which of the contract's words are good news."""

from edgepind.cli.page import Tone, Word
from edgepind.model.words import Finding, Posture, Role

_TONES = {
    Finding.PINNED: Tone.GOOD,
    Finding.ROTATING: Tone.GOOD,
    Finding.UNANNOUNCED_ROTATION: Tone.WARNING,
    Finding.INTERCEPTION: Tone.BAD,
    Finding.CLOCK_FAULT: Tone.BAD,
    Finding.CERTIFICATE_FAULT: Tone.BAD,
    Finding.CIPHER_MISMATCH: Tone.BAD,
    Finding.UNREACHABLE: Tone.BAD,
    Posture.ENFORCING: Tone.GOOD,
    Posture.GRACE: Tone.WARNING,
    Posture.OPEN: Tone.BAD,
    Posture.EXHAUSTED: Tone.BAD,
    Posture.OVERRIDE: Tone.WARNING,
    Role.CURRENT: Tone.GOOD,
    Role.PENDING: Tone.WARNING,
}
_BY_WORD = {str(key): tone for key, tone in _TONES.items()}


def toned(word: str) -> Word:
    """A word of the contract in its tone; any other is plain."""
    return Word(word, _BY_WORD.get(word, Tone.PLAIN))
