"""`edgepind explain [FINGERPRINT]`: why a pin, or the posture, is what it is."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import settings_of
from edgepind.cli.render import (
    Page,
    Sentences,
    Table,
    Tone,
    Word,
    add_json,
    complain,
    print_json,
    show,
    spoken,
    toned,
)
from edgepind.cli.stored_state import NotStored, remember
from edgepind.clock import SystemClock
from edgepind.core.evidence_rows import EvidenceRow
from edgepind.core.explain_pin import Explanation, explain_pin, explain_unpinned
from edgepind.core.explain_posture import explain_posture
from edgepind.formats import rfc3339
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.rules import Rules
from edgepind.model.state import State
from edgepind.settings.schema import rules_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        "fingerprint",
        nargs="?",
        metavar="FINGERPRINT",
        help="a pin, in full or shortened as in messages (AA:BB:CC:DD); without one, the "
        "current posture is explained",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Explain from the daemon's stored state."""
    settings = settings_of(args)
    clock, rules = SystemClock(), rules_of(settings)
    state = remember(settings.paths, clock)
    if isinstance(state, NotStored):
        complain(state.error)
        return ExitCode.UNOBSERVED
    if args.fingerprint is None:
        return _tell(explain_posture(state, rules, clock.now()), args, ExitCode.GOOD)
    fingerprint = _find(args.fingerprint, state)
    if isinstance(fingerprint, RefusedFingerprint):
        complain(f"{fingerprint}; `edgepind pin list` shows what can be explained")
        return ExitCode.USAGE
    return _explain(fingerprint, state, rules, args)


def _explain(fingerprint: Fingerprint, state: State, rules: Rules, args: argparse.Namespace) -> int:
    pin = next((it for it in state.pins if it.fingerprint == fingerprint), None)
    if pin is None:
        return _tell(explain_unpinned(fingerprint, state, rules), args, ExitCode.BAD)
    return _tell(explain_pin(pin, state, rules), args, ExitCode.GOOD)


def _find(written: str, state: State) -> Fingerprint | RefusedFingerprint:
    """The given fingerprint: in full, or the shortened form of a known one."""
    beginning = written.strip().upper()
    known = {
        *(pin.fingerprint for pin in state.pins),
        *(it.fingerprint for it in state.addresses if it.fingerprint),
        *(leaf for it in state.addresses for leaf in it.leaves),
        *state.retired,
        *state.removed,
        *state.refusals_told,
    }
    found = [it for it in known if it.short == beginning]
    return found[0] if len(found) == 1 else parse_fingerprint(written)


def _tell(explanation: Explanation, args: argparse.Namespace, code: ExitCode) -> ExitCode:
    now = datetime.now(UTC)
    if args.json:
        print_json(
            {
                "subject": explanation.subject,
                "standing": explanation.standing,
                "summary": explanation.summary,
                "for": list(explanation.evidence_for),
                "against": list(explanation.evidence_against),
                "would_change": list(explanation.would_change),
                "evidence": [_row_document(it, now) for it in explanation.rows],
            }
        )
    else:
        show(_page(explanation, now))
    return code


def _row_document(it: EvidenceRow, now: datetime) -> dict[str, Any]:
    complete = _complete_at(it, now)
    return {
        "row": it.row,
        "holds": it.holds,
        "weight": it.weight,
        "missing": it.missing,
        "complete_at": None if complete is None else rfc3339(complete),
    }


def _complete_at(it: EvidenceRow, now: datetime) -> datetime | None:
    return None if it.complete_in is None else now + timedelta(seconds=it.complete_in)


def _page(explanation: Explanation, now: datetime) -> Page:
    parts = (
        ("for", explanation.evidence_for),
        ("against", explanation.evidence_against),
        ("what would change it", explanation.would_change),
    )
    return (
        Sentences((toned(explanation.standing), explanation.summary), explanation.subject),
        *(Sentences(tuple(f"- {it}" for it in lines), title) for title, lines in parts if lines),
        *((_table(explanation.rows, now),) if explanation.rows else ()),
    )


def _table(rows: tuple[EvidenceRow, ...], now: datetime) -> Table:
    return Table(
        "evidence",
        ("row", "holds", "what it weighs", "what is missing", "complete"),
        tuple(
            (
                it.row,
                Word("yes", Tone.GOOD) if it.holds else "no",
                it.weight,
                it.missing or "",
                spoken(complete) if (complete := _complete_at(it, now)) else "",
            )
            for it in rows
        ),
    )
