"""The sentences on pins, findings, postures and the status endpoint, and the reason in `status`.

A sentence names what happened, to what, and what to do next. Nothing is decided here: what a
sentence depends on is handed in. Those that one rule alone uses are in that rule's module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from edgepind.core.admission import HoldDown
from edgepind.core.tick import Tick, shown
from edgepind.model.decision import Event
from edgepind.model.enums import Bootstrap, EventName, Finding, Posture, Role, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
from edgepind.model.observation import ClockSource, IgnoredField, Link, NotServed
from edgepind.model.pin import Pin, accepted
from edgepind.model.state import (
    ClockJudgement,
    Idle,
    Owed,
    RolledBack,
    RollingBack,
    Settling,
    State,
)

_TWO_DAYS = 2 * 86_400
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))

IS_REMOVED = "an operator or a bundle removed it, and these alone bring it back"
IS_RETIRED = "it was retired, and no announcement brings a retired pin back"
BREAKS_A_RULE = "its chain breaks a rule of the WebPKI that OpenSSL overlooks"
"""Why a fingerprint is refused, as clauses."""


def span(seconds: float) -> str:
    """A length of time by its two largest units, as in systemd.time(7): `59s`, `15min`, `2d 4h`."""
    whole = round(max(0.0, seconds))
    if whole == 0:
        return f"{max(0, round(seconds * 1000))}ms"
    parts = []
    for unit, size in _UNITS if whole >= _TWO_DAYS else _UNITS[1:]:
        count, whole = divmod(whole, size)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts[:2])


def wrong_clock(clock: ClockJudgement) -> str:
    """Why a clock is not trusted, a clause. Without a source it stands below the floor of time."""
    if clock.source is ClockSource.NONE and clock.error is not None:
        behind = span(-clock.error)
        return f"the clock stands {behind} behind what is known of the time, and is not confirmed"
    return f"the clock is known to be wrong (source: {clock.source})"


def halves(sentence: str) -> tuple[str, str]:
    """What happened, and what to do as a sentence, of a message with a semicolon between."""
    what, _, remedy = sentence.rpartition("; ")
    return (what, f"{remedy[0].upper()}{remedy[1:]}.") if what else (sentence, "See the message.")


def pin_pending(pin: Pin, need: HoldDown) -> Event:
    """A hold-down begins."""
    age = f"has been seen for {span(need.age)} and " if need.age else "has been "
    text = (
        f"Pin {pin.fingerprint.short} was seen live and is not accepted yet: it waits until it "
        f"{age}sighted {need.sightings} times without contradiction; `edgepind explain` shows how "
        "far it is, `edgepind pin add` accepts it at once."
    )
    return Event(EventName.PIN_PENDING, Severity.NOTICE, text, pin.fingerprint)


def changing_ca(pin: Pin) -> Event:
    """The leaves of an inspecting CA change too often to be pinned one by one."""
    text = (
        f"Pin {pin.fingerprint.short} is one of many leaves that an inspecting CA of "
        "interception.exceptions makes for this host, perhaps one for each connection: none is "
        'seen long enough to be of use; set pins.kind = "spki", which pins the key that they '
        "share, or have the host exempted from inspection; further ones are not told."
    )
    return Event(EventName.PIN_REFUSED, Severity.WARNING, text, pin.fingerprint)


def pin_prepared(pin: Pin) -> Event:
    """A pin is accepted."""
    how = {
        "operator": "added by an operator",
        "bundle": "named by a signed bundle",
        "announced": "announced over a connection whose pin has standing",
        "observed": "its hold-down is served; announcements over it are not believed yet",
        "exception": "issued by an inspecting CA that this site accepts",
        "bootstrap": "adopted as the first pin after its sightings",
        "document": "found in the pinning config",
    }[pin.origin]
    text = f"Pin {pin.fingerprint.short} is accepted as {pin.role} pin: {how}."
    return Event(EventName.PIN_PREPARED, Severity.NOTICE, text, pin.fingerprint)


def pin_activated(pin: Pin) -> Event:
    """A pin became current."""
    text = f"Pin {pin.fingerprint.short} is the current pin now."
    return Event(EventName.PIN_ACTIVATED, Severity.NOTICE, text, pin.fingerprint)


def pin_retired(pin: Pin, why: str) -> Event:
    """A pin is accepted no longer."""
    text = (
        f"Pin {pin.fingerprint.short} is not accepted any more: {why}; if it is still needed, "
        "`edgepind pin add` brings it back."
    )
    return Event(EventName.PIN_RETIRED, Severity.NOTICE, text, pin.fingerprint)


def pin_replaced(pin: Pin) -> Event:
    """An announced backup that was never live is replaced by the next."""
    return pin_retired(pin, "another pin was announced instead before it was ever live")


def pin_refused(fingerprint: Fingerprint | None, why: str, text: str = "") -> Event:
    """A fingerprint is not accepted; `text` is what was found where `fingerprint` is None."""
    if fingerprint is None:
        name, remedy = repr(text), "replace it by a SHA-256 fingerprint"
    else:
        name = fingerprint.short
        remedy = "if you know it to be right, add it with `edgepind pin add`"
    sentence = f"Fingerprint {name} is refused as a pin: {why}; {remedy}."
    return Event(EventName.PIN_REFUSED, Severity.WARNING, sentence, fingerprint)


FINDING_TEXT: Mapping[Finding, str] = {
    Finding.PINNED: "every address of {host} that answers serves the current pin",
    Finding.ROTATING: "{host} is rotating its certificate, and every leaf it serves is pinned",
    Finding.UNANNOUNCED_ROTATION: (
        "{host} serves a leaf that is not pinned, with a public chain, the right name and time; "
        "verify it with the cloud's operator and `edgepind pin add` it{otherwise}"
    ),
    Finding.INTERCEPTION: (
        "something between this site and {host} answers instead, with a certificate whose "
        "chain reaches no public CA ({issuers}); have {host} exempted from TLS inspection, or "
        "treat it as an attack (a server that leaves its intermediate certificate out looks the "
        "same: `edgepind probe`); it will not be accepted"
    ),
    Finding.CLOCK_FAULT: (
        "this host's clock is wrong, so the certificate of {host} cannot be judged by it; set the "
        "clock, or see why time synchronisation fails (`chronyc tracking`, `timedatectl`)"
    ),
    Finding.CERTIFICATE_FAULT: (
        "the certificate that {host} serves is out of time or of another name; `edgepind probe` "
        "shows it, and only the cloud's operator can correct it"
    ),
    Finding.CIPHER_MISMATCH: (
        "{host} shares no TLS version or cipher with the Edge's own tlsSettings, though it would "
        "with wider ones; put what `edgepind probe` shows into cipherSuites, or into minVersion, "
        "in the pinning config"
    ),
    Finding.UNREACHABLE: (
        "no address of {host} completes a TLS handshake ({errors}); check network, firewall and "
        "DNS or, where something answered, what it is"
    ),
}

_FINDING_SEVERITY: Mapping[Finding, Severity] = {
    Finding.PINNED: Severity.NOTICE,
    Finding.ROTATING: Severity.NOTICE,
    Finding.UNANNOUNCED_ROTATION: Severity.WARNING,
    Finding.INTERCEPTION: Severity.CRIT,
    Finding.CLOCK_FAULT: Severity.ERR,
    Finding.CERTIFICATE_FAULT: Severity.ERR,
    Finding.CIPHER_MISMATCH: Severity.ERR,
    Finding.UNREACHABLE: Severity.WARNING,
}


def finding_changed(finding: Finding, before: Finding | None, sentence: str) -> Event:
    """The finding changed."""
    was = f" (was {before})" if before else ""
    text = f"Finding {finding}{was}: {sentence}."
    return Event(EventName.FINDING_CHANGED, _FINDING_SEVERITY[finding], text, finding=finding)


def status_failed(error: str | None, *, rejected: bool) -> Event:
    """The status endpoint's answer is rejected, or it gave none."""
    name = EventName.STATUS_REJECTED if rejected else EventName.STATUS_UNREACHABLE
    what = "answer is rejected and changes nothing" if rejected else "answer is missing"
    remedy = "report it to the cloud's operator if it lasts" if rejected else "see `edgepind check`"
    text = f"The status endpoint's {what}: {error}; pins follow live handshakes alone; {remedy}."
    return Event(name, Severity.WARNING, text)


def status_ignored(fields: tuple[IgnoredField, ...]) -> Event:
    """Fields of the status endpoint's answer are not understood: it has no event name."""
    whys = "; ".join(it.reason for it in fields)
    text = (
        f"The status endpoint's answer is used without what is not understood in it: {whys}; "
        "correct the program under [status], or report it to the cloud's operator."
    )
    return Event(None, Severity.WARNING, text)


POSTURE_TEXT: Mapping[Posture, str] = {
    Posture.ENFORCING: "pinning is enforced",
    Posture.GRACE: (
        "the cloud serves nothing that is accepted; pinning stays enforced for the grace; after "
        "it validation is switched off (fail-open), unless the new leaf is accepted first; to end "
        "the lockout now, `edgepind pin add` the new leaf if you trust it"
    ),
    Posture.OPEN: (
        "pin validation is off (fail-open) so that the site can telephone; the CA chain is still "
        "checked; it ends when the cloud serves an accepted pin, or at the limit"
    ),
    Posture.EXHAUSTED: (
        "the Edge is locked out and validation stays on: the openings are used up or disabled, or "
        "the link is intercepted; an operator is needed: `edgepind explain`, then `edgepind pin "
        "add` or `edgepind override on`"
    ),
    Posture.OVERRIDE: (
        "an operator has switched pinning validation off; `edgepind override off` ends it early"
    ),
}

_POSTURE_SEVERITY: Mapping[Posture, Severity] = {
    Posture.ENFORCING: Severity.NOTICE,
    Posture.GRACE: Severity.WARNING,
    Posture.OPEN: Severity.CRIT,
    Posture.EXHAUSTED: Severity.CRIT,
    Posture.OVERRIDE: Severity.WARNING,
}


def posture_changed(posture: Posture, before: Posture, why: str) -> Event:
    """The posture changed."""
    text = f"Posture {posture} (was {before}), because {why}: {POSTURE_TEXT[posture]}."
    severity = _POSTURE_SEVERITY[posture]
    return Event(EventName.POSTURE_CHANGED, severity, text, posture=posture)


def posture_lasts(posture: Posture, remaining: str) -> Event:
    """A warning that is repeated while a posture lasts: it has no event name."""
    text = f"Posture is still {posture}{remaining}: {POSTURE_TEXT[posture]}."
    return Event(None, Severity.WARNING, text, posture=posture)


def roles_sentence(pins: tuple[Pin, ...]) -> str:
    """How many pins have each role: `1 current, 1 backup`."""
    counts = ((role, sum(pin.role is role for pin in pins)) for role in Role)
    return ", ".join(f"{count} {role}" for role, count in counts if count) or "no pin"


_SHOWN = 3
_TWO_RESTARTS = (
    "edge.restart_budget allows two restarts, one to switch validation off and one to end that"
)


_HOLD_DOWN = ", or let the hold-down decide"
_NAMED_CA_TEXT = (
    "an inspecting CA that interception.exceptions names answers for {host} ({issuers}); what it "
    "issues is accepted as interception.exception_pin says, and is never believed"
)


def link_sentence(finding: Finding, tick: Tick, obstacle: str | None = None) -> str:
    """What `finding` means for this link, with issuers and errors named.

    `obstacle` is why no hold-down is served while that lasts, a clause; None: one may be.
    """
    link = tick.seen.link or Link(())
    issuers = tuple(
        dict.fromkeys(it.leaf.issuer for _, it in shown(link) if it.leaf.public.window is None)
    )
    errors = tuple(
        dict.fromkeys(it.result.error for it in link.addresses if isinstance(it.result, NotServed))
    )
    if link.resolve_error:
        errors = (link.resolve_error, *errors)
    named = "; ".join(issuers[:_SHOWN])
    foreign = [it.leaf for _, it in shown(link) if it.leaf.public.window is None]
    named_ca = all(it.exception and it.exception.window for it in foreign) and foreign
    otherwise = f"; no hold-down decides while {obstacle}" if obstacle else _HOLD_DOWN
    text = FINDING_TEXT[finding]
    if finding is Finding.INTERCEPTION and named_ca:
        text = _NAMED_CA_TEXT
    return text.format(
        host=tick.rules.host,
        otherwise=otherwise,
        issuers=(f"issuer {named}" if named else "issuer unknown") + _known_to_host(link),
        errors="; ".join(errors[:_SHOWN]) or "no address is known",
    )


def _known_to_host(link: Link) -> str:
    """Who does know the root of a chain that reaches no public one."""
    leaves = (it.leaf for _, it in shown(link))
    known = (it for it in leaves if it.public.window is None and it.system.window is not None)
    leaf = next(known, None)
    if leaf is None or not leaf.system.roots:
        return ""
    origin = f", {leaf.system.origin}" if leaf.system.origin else ""
    return (
        f"; its root is in {leaf.system.roots}{origin}, and not in {leaf.public.roots}: if you "
        "know it to be a public CA's, upgrade edgepind or name its PEM file in cloud.public_roots"
    )


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Deadlines that `reason_sentence` names.

    `posture`: when the present posture ends at the latest; None where it has no fixed end.
    `closing`: when the restart that switches validation on again no longer waits for
    `ready_command`; None where no such restart is owed.
    """

    posture: Monotonic | None
    closing: Monotonic | None


def reason_sentence(state: State, tick: Tick, deadlines: Deadlines) -> str:
    """Posture, finding and what is waited for, in one sentence."""
    parts = [_posture_clause(state, tick, deadlines.posture), state.finding_sentence]
    if (problem := state.edge.document_problem) is not None:
        parts.append(f"the pinning config cannot be used: {problem}")
    match state.edge.restart:
        case Owed() | RollingBack() if state.edge.starting is not None:
            parts.append("waiting for the restart of the Edge to end, which has not loaded it yet")
        case Owed() | RollingBack() | RolledBack():
            parts.append(_debt_clause(deadlines.closing, tick))
        case Settling(wait_told=True):
            parts.append("waiting for the restarted Edge to become healthy")
        case Idle() | Settling():
            pass
        case _:
            assert_never(state.edge.restart)
    return "; ".join(part for part in parts if part) + "."


def _debt_clause(closing: Monotonic | None, tick: Tick) -> str:
    if closing is None:
        return "a restart of the Edge is owed"
    return (
        "the Edge may still have validation switched off, and is owed the restart that ends this; "
        f"it waits for ready_command for at most {span(closing - tick.now.monotonic)}"
    )


def _posture_clause(state: State, tick: Tick, ends: Monotonic | None) -> str:
    guard = state.guard
    left = f" for at most {span(ends - tick.now.monotonic)}" if ends is not None else ""
    match guard.posture:
        case Posture.ENFORCING if not accepted(state.pins):
            return _before_first_pin(state, tick)
        case Posture.ENFORCING:
            return f"Pinning is enforced with {roles_sentence(state.pins)}"
        case Posture.GRACE:
            until = left or f" until {_TWO_RESTARTS}"
            return f"Locked out; pinning stays enforced{until}, then validation is off (fail-open)"
        case Posture.OPEN:
            return f"Validation is off (fail-open){left}; the CA chain is still checked"
        case Posture.EXHAUSTED:
            return "Locked out, and validation stays on; an operator is needed (`edgepind explain`)"
        case Posture.OVERRIDE:
            who = guard.override.by if guard.override else "an operator"
            return f"{who} switched pinning validation off{left}"
        case _:
            assert_never(guard.posture)


def _before_first_pin(state: State, tick: Tick) -> str:
    if state.edge.document_problem is not None:
        return "No pin is known, and none is adopted while it is not known what is pinned"
    if tick.rules.pins.bootstrap is Bootstrap.OPERATOR:
        return "No pin is known: waiting for `edgepind pin add`; nothing is written"
    return "No pin is known: the first is adopted after its sightings; nothing is written"
