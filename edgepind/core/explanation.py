"""What an answer to "why?" is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence for and against something that stands, and what would change it.

    `subject` is a fingerprint or the cloud's name, `standing` a role, a posture or what else a
    fingerprint can be. `summary` is a sentence; the rest are clauses without a full stop.
    """

    subject: str
    standing: str
    summary: str
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
