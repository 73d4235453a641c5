"""`edgepind status`: the last status document, as a page or JSON, or as it changes (`--watch`)."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import settings_of
from edgepind.cli.render import (
    Facts,
    Page,
    Said,
    Sentences,
    Table,
    Tone,
    Word,
    add_json,
    complain,
    instant,
    one_line,
    print_json,
    relation,
    show,
    toned,
)
from edgepind.cli.stored_state import NotStored, StatusDocument, is_stale, read_status, status_exit
from edgepind.formats import parse_rfc3339
from edgepind.model.enums import Posture, Role
from edgepind.settings.schema import Settings

Document = Mapping[str, Any]

_LOOK_EVERY = 0.5
"""Seconds."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    way = parser.add_mutually_exclusive_group()
    add_json(way)
    way.add_argument(
        "--watch",
        action="store_true",
        help="keep a live view until Ctrl-C; piped, print a line for each change",
    )


def main(args: argparse.Namespace) -> int:
    """Show the status once, or keep a live view of it."""
    settings = settings_of(args)
    if args.watch:
        return watch(settings, drawn=sys.stdout.isatty())
    document = read_status(settings.paths.runtime)
    if isinstance(document, NotStored):
        complain(document.error)
        return ExitCode.UNOBSERVED
    now, interval = datetime.now(UTC), settings.cloud.interval
    if args.json:
        print_json(document)
    else:
        show(status_page(document, now, interval))
    return status_exit(document, now, interval)


# --- the page -------------------------------------------------------------------------------


def status_page(document: Document, now: datetime, interval: float) -> Page:
    """The whole status document, and what the daemon is waiting for."""
    waits = waiting_for(document, now) or ("nothing",)
    stale = _stale(document, now, interval)
    return (
        *((Sentences((stale,)),) if stale else ()),
        *_problems(document["problems"]),
        Facts(
            (
                ("posture", _posture(document, now)),
                ("finding", toned(document["finding"] or "not observed yet")),
                ("reason", document["reason"]),
                *(("waiting for", wait) for wait in waits),
                ("next poll", _next_poll(document, now)),
                ("next rotation", _rotation(document["forecast"], now)),
                ("daemon", _daemon(document, now)),
                ("Edge", _edge(document["edge"])),
                ("clock", _clock(document["clock"])),
                ("status endpoint", _endpoint(document["status_endpoint"])),
            )
        ),
        pins_table(document["pins"], now),
        _addresses(document["addresses"]),
    )


def _problems(problems: Sequence[Document]) -> Iterator[Sentences]:
    """What is wrong, first of all; nothing where nothing is."""
    if problems:
        lines = (Word(f"{it['id']}: {it['what']}. {it['remedy']}", Tone.BAD) for it in problems)
        yield Sentences(tuple(lines), "problems")


def status_line(document: Document, now: datetime, interval: float) -> str:
    """One line that stays the same until the posture, the finding, a pin or a debt changes."""
    stale = " (stale)" if is_stale(document, now, interval) else ""
    owed = " restart owed" if document["edge"]["restart_owed"] else ""
    wrong = "".join(f" {it['id']}" for it in document["problems"])
    pins = " ".join(f"{pin['role']}={pin['fingerprint'][:11]}" for pin in document["pins"])
    return f"{document['posture']} {document['finding']}{owed}{wrong}{stale} {pins}".rstrip()


def pins_table(pins: Sequence[Document], now: datetime) -> Table:
    """The pin set with the evidence for each pin."""
    return Table(
        "pins",
        ("role", "fingerprint", "kind", "origin", "since", "sightings", "accepted"),
        tuple(
            (
                toned(pin["role"]),
                pin["fingerprint"],
                pin["kind"],
                pin["origin"],
                relation(pin["since"], now),
                str(pin["sightings"]),
                _accepted(pin, now),
            )
            for pin in pins
        ),
        empty="no pin is known yet",
    )


def waiting_for(document: Document, now: datetime) -> tuple[str, ...]:
    """What the daemon is waiting for, as clauses."""
    waits = [
        f"pin {pin['fingerprint'][:11]} to complete its hold-down"
        + (f", {relation(pin['accepted_after'], now)} at the earliest" if _dated(pin, now) else "")
        for pin in document["pins"]
        if pin["role"] == Role.PENDING
    ]
    if document["posture"] == Posture.EXHAUSTED:
        waits.append("an operator: see `edgepind explain`")
    elif document["posture"] != Posture.ENFORCING and document["posture_until"]:
        until = document["posture_until"]
        waits.append(f"posture {document['posture']} to end, {relation(until, now)}")
    if not document["edge"]["written"]:
        waits.append("the pinning config to be written")
    if document["edge"]["restart_owed"]:
        waits.append("the restart that the Edge is owed")
    if not any(pin["role"] != Role.PENDING for pin in document["pins"]):
        waits.append("a first pin")
    return tuple(waits)


def _stale(document: Document, now: datetime, interval: float) -> Word | None:
    if not is_stale(document, now, interval):
        return None
    text = (
        f"No daemon updates this status: it was written {relation(document['written_at'], now)};"
        " see `systemctl status edgepind`."
    )
    return Word(text, Tone.BAD)


def _posture(document: Document, now: datetime) -> Word:
    word = toned(document["posture"])
    since, until = document["posture_since"], document["posture_until"]
    lasts = f" since {instant(since)} ({relation(since, now)})" if since else ""
    ends = f", until {instant(until)} at the latest" if until else ""
    return Word(f"{word.text}{lasts}{ends}", word.tone)


def _next_poll(document: Document, now: datetime) -> str:
    due = document["next_tick_at"]
    return f"{instant(due)} ({relation(due, now)})" if due else "unknown"


def _rotation(forecast: Document, now: datetime) -> str:
    begins, ends = forecast["from"], forecast["to"]
    if begins is None or ends is None:
        return "not known yet"
    if begins == ends:
        return f"announced for {instant(begins)} ({relation(begins, now)})"
    return (
        f"due from {instant(begins)} ({relation(begins, now)}) to {instant(ends)} "
        f"({relation(ends, now)}); `edgepind explain` says how sure that is"
    )


def _daemon(document: Document, now: datetime) -> str:
    dry = ", with --dry-run: changes nothing" if document["dry_run"] else ""
    return (
        f"edgepind {document['version']}, process {document['pid']}, {document['ticks']} ticks, "
        f"last wrote {relation(document['written_at'], now)}{dry}"
    )


def _edge(edge: Document) -> Said:
    activity = {True: "active", False: "not active", None: "unit state unknown"}
    parts = [
        activity[edge["active"]],
        *(() if edge["written"] else ("the wanted pinning config is not on disk",)),
        "has loaded the pinning config" if edge["loaded"] else "has not loaded the pinning config",
        f"restarts in the budget window: {edge['restarts_in_window']}",
    ]
    if edge["restart_owed"]:
        parts.append("a restart is owed")
    bad = edge["active"] is False or edge["restart_owed"] or not edge["written"]
    return Word(", ".join(parts), Tone.WARNING if bad else Tone.PLAIN)


def _clock(clock: Document) -> Said:
    error = clock["error_ms"]
    off = "offset unknown" if error is None else f"{error} ms off"
    if clock["trusted"]:
        return f"trusted, {off} (source: {clock['source']})"
    return Word(f"known to be wrong, {off} (source: {clock['source']})", Tone.BAD)


def _endpoint(endpoint: Document) -> Said:
    if endpoint["ok"]:
        answers = f"answers (channel: {endpoint['channel']})"
        doubt = endpoint["error"]
        return answers if doubt is None else Word(f"{answers}; {doubt}", Tone.WARNING)
    if endpoint["error"] is None:
        return "not asked"
    return Word(f"no usable answer: {endpoint['error']}", Tone.WARNING)


def _addresses(addresses: list[Document]) -> Table:
    return Table(
        "addresses",
        ("address", "verdict", "fingerprint or error"),
        tuple(row for it in addresses for row in _served(it)),
        empty="no address is known",
    )


def _served(it: Document) -> Iterator[tuple[Said, ...]]:
    """A row for the address, and one for each further leaf that it serves to other offers."""
    shown = it["fingerprint"] or it["error"] or "nothing"
    yield (it["address"], toned(it["verdict"]), shown)
    yield from (("", "", leaf) for leaf in it["leaves"] if leaf != shown)
    if it["fingerprint"] and it["error"]:
        yield ("", "", it["error"])


def _dated(pin: Document, now: datetime) -> bool:
    """Whether its hold-down has yet to last for a time; else it waits to be seen alone."""
    ends = parse_rfc3339(pin["accepted_after"])
    return ends is not None and ends > now


def _accepted(pin: Document, now: datetime) -> str:
    if pin["role"] != Role.PENDING:
        return "yes"
    return (
        f"no, {relation(pin['accepted_after'], now)} at the earliest" if _dated(pin, now) else "no"
    )


# --- the live view --------------------------------------------------------------------------


def watch(settings: Settings, *, drawn: bool) -> int:
    """Follow the status file until Ctrl-C, which is not a failure here."""
    with suppress(KeyboardInterrupt):
        _draw(settings) if drawn else _print_changes(settings)
    return ExitCode.GOOD


def _looks(settings: Settings) -> Iterator[StatusDocument | NotStored]:
    while True:
        yield read_status(settings.paths.runtime)
        time.sleep(_LOOK_EVERY)


def _draw(settings: Settings) -> None:
    from rich.console import Console  # noqa: PLC0415  not needed where the output is piped
    from rich.live import Live  # noqa: PLC0415

    from edgepind.cli.render_terminal import drawn  # noqa: PLC0415

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        for look in _looks(settings):
            live.update(drawn(_page_now(look, settings)), refresh=True)


def _page_now(look: StatusDocument | NotStored, settings: Settings) -> Page:
    if isinstance(look, NotStored):
        return (Sentences((look.error,)),)
    return status_page(look, datetime.now(UTC), settings.cloud.interval)


def _print_changes(settings: Settings) -> None:
    told = ""
    for look in _looks(settings):
        now = datetime.now(UTC)
        if isinstance(look, NotStored):
            line = look.error
        else:
            line = status_line(look, now, settings.cloud.interval)
        if line != told:
            print(f"{now:%Y-%m-%dT%H:%M:%SZ} {one_line(line)}", flush=True)
            told = line
