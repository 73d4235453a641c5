"""The words of the core: one function an event, each a whole sentence for a person at night.

It names what happened, to what, and what to do next. Nothing is decided here.
"""

from collections.abc import Mapping

from edgepind.core.admission import HoldDown
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Posture, Role, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin

_TWO_DAYS = 2 * 86_400
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


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


def pin_pending(pin: Pin, need: HoldDown) -> Event:
    """A hold-down begins."""
    age = f"has been seen for {span(need.age)} and " if need.age else "has been "
    text = (
        f"Pin {pin.fingerprint.short} was seen live and is not accepted yet: it waits until it "
        f"{age}sighted {need.sightings} times without contradiction; `edgepind explain` shows how "
        "far it is, `edgepind pin add` accepts it at once."
    )
    return Event(EventName.PIN_PENDING, Severity.NOTICE, text, pin.fingerprint)


def pin_prepared(pin: Pin) -> Event:
    """A pin is accepted."""
    how = {
        "operator": "by the operator's word",
        "announced": "announced over a connection whose pin has standing",
        "observed": "its hold-down is served; what is announced over it is not believed yet",
        "exception": "its hold-down is served, as an accepted inspecting CA's leaf",
        "bootstrap": "adopted as the first pin after its sightings",
        "document": "found in the pinning config",
    }[pin.origin]
    text = f"Pin {pin.fingerprint.short} is accepted as {pin.role} pin: {how}; nothing to do."
    return Event(EventName.PIN_PREPARED, Severity.NOTICE, text, pin.fingerprint)


def pin_activated(pin: Pin) -> Event:
    """A pin became current."""
    text = f"Pin {pin.fingerprint.short} is the current pin now; nothing to do."
    return Event(EventName.PIN_ACTIVATED, Severity.NOTICE, text, pin.fingerprint)


def pin_retired(pin: Pin, why: str) -> Event:
    """A pin is accepted no longer."""
    text = (
        f"Pin {pin.fingerprint.short} is not accepted any more: {why}; if it is still needed, "
        "`edgepind pin add` brings it back."
    )
    return Event(EventName.PIN_RETIRED, Severity.NOTICE, text, pin.fingerprint)


def pin_replaced(pin: Pin) -> Event:
    """An announced backup that was never live made room for the next."""
    why = "another pin was announced in its place before it was ever live"
    return pin_retired(pin, why)


def pin_refused(fingerprint: Fingerprint | None, why: str, text: str = "") -> Event:
    """A fingerprint is not let in."""
    name = f"Fingerprint {fingerprint.short}" if fingerprint else f"Fingerprint {text!r}"
    return Event(
        EventName.PIN_REFUSED,
        Severity.WARNING,
        f"{name} is refused as a pin: {why}; if you know it to be right, say so with "
        "`edgepind pin add`."
        if fingerprint
        else f"{name} is refused as a pin: {why}; replace it by a SHA-256 fingerprint.",
        fingerprint,
    )


FINDING_TEXT: Mapping[Finding, str] = {
    Finding.PINNED: "every address of {host} that answers serves the current pin; nothing to do",
    Finding.ROTATING: (
        "{host} is rotating its certificate, and every leaf it serves is pinned; nothing to do"
    ),
    Finding.UNANNOUNCED_ROTATION: (
        "{host} serves a leaf that is not pinned, with a public chain, the right name and time; "
        "compare it with what the cloud's operator says and `edgepind pin add` it, or let the "
        "hold-down decide"
    ),
    Finding.INTERCEPTION: (
        "something between this site and {host} answers in its place, with a certificate whose "
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
        "shows it, and only the cloud's operator can mend it"
    ),
    Finding.CIPHER_MISMATCH: (
        "{host} shares no TLS version or cipher with the Edge's own tlsSettings, though it would "
        "with wider ones; put what `edgepind probe` shows into cipherSuites, or into minVersion, "
        "in the pinning config"
    ),
    Finding.UNREACHABLE: (
        "no address of {host} completes a TLS handshake ({errors}); see to network, firewall and "
        "DNS or, where something answered, to what it is"
    ),
}


def finding_sentence(finding: Finding, host: str, issuers: str, errors: str) -> str:
    """What a finding means and what to do, as a clause."""
    return FINDING_TEXT[finding].format(host=host, issuers=issuers, errors=errors)


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
    """The link is found otherwise than before."""
    was = f" (was {before})" if before else ""
    text = f"Finding {finding}{was}: {sentence}."
    return Event(EventName.FINDING_CHANGED, _FINDING_SEVERITY[finding], text, finding=finding)


POSTURE_TEXT: Mapping[Posture, str] = {
    Posture.ENFORCING: "pinning is enforced",
    Posture.GRACE: (
        "the cloud serves nothing that is accepted; pinning stays enforced for the grace, and is "
        "let go after it unless the new leaf is accepted before; to end the lockout now, "
        "`edgepind pin add` the new leaf if you trust it"
    ),
    Posture.OPEN: (
        "pinning is let go so that the site can telephone; the CA chain is still checked; it ends "
        "when the link is pinned again or the limit is over"
    ),
    Posture.EXHAUSTED: (
        "the Edge is locked out and will not be opened: the openings are used up, not allowed, or "
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
    """The guard changed its posture."""
    text = f"Posture {posture} (was {before}), because {why}: {POSTURE_TEXT[posture]}."
    severity = _POSTURE_SEVERITY[posture]
    return Event(EventName.POSTURE_CHANGED, severity, text, posture=posture)


def posture_lasts(posture: Posture, remaining: str) -> Event:
    """A warning repeated while a posture lasts: no event of its own."""
    text = f"Posture is still {posture}{remaining}: {POSTURE_TEXT[posture]}."
    return Event(None, Severity.WARNING, text, posture=posture)


def told(name: EventName, severity: Severity, text: str) -> Event:
    """An event whose sentence is made where its facts are."""
    return Event(name, severity, text)


def roles_sentence(pins: tuple[Pin, ...]) -> str:
    """How many pins play each part: `1 current, 1 backup`."""
    counts = ((role, sum(pin.role is role for pin in pins)) for role in Role)
    return ", ".join(f"{count} {role}" for role, count in counts if count) or "no pin"
