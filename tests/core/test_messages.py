"""Which facts and figures each sentence holds; not how it is worded."""

from dataclasses import replace

import pytest

from edgepind.core.admission import HoldDown
from edgepind.core.decide import reason
from edgepind.core.messages import (
    finding_changed,
    link_sentence,
    pin_activated,
    pin_pending,
    pin_prepared,
    pin_refused,
    pin_replaced,
    pin_retired,
    posture_changed,
    posture_lasts,
    roles_sentence,
    span,
)
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Origin, Posture, Role, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import HandshakeFault, Link, Observations
from edgepind.model.state import Debt, Edge, Guard, OverrideState, Owed, RolledBack, Settling
from tests.core.situations import NOW, RULES, A, pin, state_of, tick


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1.0, "0ms"),
        (0.0, "0ms"),
        (0.0004, "0ms"),
        (0.25, "250ms"),
        (0.4994, "499ms"),
        (0.5, "500ms"),
        (0.6, "1s"),
        (1.0, "1s"),
        (59.4, "59s"),
        (60.0, "1min"),
        (90.0, "1min 30s"),
        (3600.0, "1h"),
        (3661.0, "1h 1min"),
        (86_400.0, "24h"),
        (187_260.0, "2d 4h"),
    ],
)
def test_lengths_of_time_are_read_as_systemd_writes_them(seconds: float, words: str) -> None:
    """systemd.time(7), two units at most; half a second and less in milliseconds."""
    assert span(seconds) == words


def said(event: Event) -> tuple[EventName | None, Severity]:
    """Which event, and how loud."""
    return event.name, event.severity


def test_events_of_pins_name_the_pin() -> None:
    """In the sentence and in their field."""
    it = pin("a", Role.CURRENT)
    for event, name in (
        (pin_pending(it, HoldDown(900.0, 5, everywhere=False)), EventName.PIN_PENDING),
        (pin_prepared(it), EventName.PIN_PREPARED),
        (pin_activated(it), EventName.PIN_ACTIVATED),
        (pin_retired(it, "an operator removed it"), EventName.PIN_RETIRED),
        (pin_replaced(it), EventName.PIN_RETIRED),
    ):
        assert said(event) == (name, Severity.NOTICE)
        assert event.fingerprint == A
        assert event.message.startswith(f"Pin {A.short} ")
    assert (
        "any more: an operator removed it; if it"
        in pin_retired(it, "an operator removed it").message
    )
    assert "another pin was announced" in pin_replaced(it).message


def test_a_hold_down_is_told_with_what_it_asks() -> None:
    """Its age only where one is asked."""
    both = pin_pending(pin("a"), HoldDown(900.0, 5, everywhere=False)).message
    assert "it waits until it has been seen for 15min and sighted 5 times without" in both
    counted = pin_pending(pin("a"), HoldDown(0.0, 5, everywhere=True)).message
    assert "it waits until it has been sighted 5 times without" in counted


@pytest.mark.parametrize(
    ("origin", "how"),
    [
        (Origin.OPERATOR, "by an operator"),
        (Origin.ANNOUNCED, "announced"),
        (Origin.OBSERVED, "hold-down is served;"),
        (Origin.EXCEPTION, "inspecting CA"),
        (Origin.BOOTSTRAP, "first pin"),
        (Origin.DOCUMENT, "found in the pinning config"),
    ],
)
def test_an_accepted_pin_is_told_with_how_it_came(origin: Origin, how: str) -> None:
    """Each origin in its own words."""
    event = pin_prepared(pin("a", Role.BACKUP, origin))
    assert "is accepted as backup pin: " in event.message
    assert how in event.message


def test_what_is_refused_is_named_by_its_fingerprint_or_by_its_text() -> None:
    """What to do differs: a fingerprint may be added, a text has to be replaced."""
    known = pin_refused(A, "it was retired")
    assert said(known) == (EventName.PIN_REFUSED, Severity.WARNING)
    assert known.fingerprint == A
    assert known.message.startswith(
        f"Fingerprint {A.short} is refused as a pin: it was retired; if"
    )
    assert known.message.endswith("`edgepind pin add`.")
    weak = pin_refused(None, "it is SHA-1", "AA:BB")
    assert weak.fingerprint is None
    assert weak.message.startswith("Fingerprint 'AA:BB' is refused as a pin: it is SHA-1; replace")
    assert pin_refused(None, "it is empty").message.startswith("Fingerprint '' is refused")


@pytest.mark.parametrize(
    ("finding", "severity"),
    [
        (Finding.PINNED, Severity.NOTICE),
        (Finding.ROTATING, Severity.NOTICE),
        (Finding.UNANNOUNCED_ROTATION, Severity.WARNING),
        (Finding.INTERCEPTION, Severity.CRIT),
        (Finding.CLOCK_FAULT, Severity.ERR),
        (Finding.CERTIFICATE_FAULT, Severity.ERR),
        (Finding.CIPHER_MISMATCH, Severity.ERR),
        (Finding.UNREACHABLE, Severity.WARNING),
    ],
)
def test_a_finding_is_as_loud_as_it_is_grave(finding: Finding, severity: Severity) -> None:
    """It names what it was before, where there was anything before."""
    event = finding_changed(finding, Finding.ROTATING, "so it is")
    assert said(event) == (EventName.FINDING_CHANGED, severity)
    assert (event.finding, event.message) == (
        finding,
        f"Finding {finding} (was rotating): so it is.",
    )
    assert finding_changed(finding, None, "so it is").message == f"Finding {finding}: so it is."


@pytest.mark.parametrize(
    ("posture", "severity"),
    [
        (Posture.ENFORCING, Severity.NOTICE),
        (Posture.GRACE, Severity.WARNING),
        (Posture.OPEN, Severity.CRIT),
        (Posture.EXHAUSTED, Severity.CRIT),
        (Posture.OVERRIDE, Severity.WARNING),
    ],
)
def test_a_posture_is_as_loud_as_it_is_grave(posture: Posture, severity: Severity) -> None:
    """A reminder is a warning, and no event of its own."""
    event = posture_changed(posture, Posture.GRACE, "it was time")
    assert said(event) == (EventName.POSTURE_CHANGED, severity)
    assert event.posture is posture
    assert event.message.startswith(f"Posture {posture} (was grace), because it was time: ")
    reminder = posture_lasts(posture, " for at most 1h")
    assert said(reminder) == (None, Severity.WARNING)
    assert reminder.posture is posture
    assert reminder.message.startswith(f"Posture is still {posture} for at most 1h: ")


def test_pins_are_counted_by_the_parts_they_play() -> None:
    """A part that nobody plays is not named."""
    pins = (pin("a", Role.CURRENT), pin("b"), pin("c"), pin("d", Role.PENDING))
    assert roles_sentence(pins) == "1 current, 2 backup, 1 pending"
    assert roles_sentence(()) == "no pin"


# --- the link -----------------------------------------------------------------------------------


def of_link(finding: Finding, it: Link | None) -> str:
    """The sentence of a tick that saw this link."""
    return link_sentence(finding, tick(Observations(RULES, link=it)))


@pytest.mark.parametrize("finding", Finding)
def test_every_finding_has_a_sentence_that_names_the_cloud(finding: Finding) -> None:
    """A clause without a place for anything that was not filled."""
    sentence = of_link(finding, link({"1": leaf("x")}))
    assert "acme.test" in sentence
    assert "{" not in sentence


def test_an_interception_names_the_issuers_that_reach_no_public_root() -> None:
    """Each once, three at the most."""
    private = {str(n): leaf("x", public=False, issuer=f"CA {n}") for n in range(4)}
    served = link({**private, "8": leaf("x", public=False, issuer="CA 0"), "9": leaf("y")})
    sentence = of_link(Finding.INTERCEPTION, served)
    assert "(issuer CN=CA 0; CN=CA 1; CN=CA 2)" in sentence
    assert sentence.count("acme.test") == 2
    assert "(issuer unknown)" in of_link(Finding.INTERCEPTION, link({"9": leaf("y")}))


@pytest.mark.parametrize("origin", ["", "of the package ca-certificates"])
def test_an_interception_whose_root_the_host_knows_names_it(origin: str) -> None:
    """With the place where it lies, and whence it came where that is known."""
    foreign = leaf("x", public=False)
    known = replace(
        foreign,
        public=replace(foreign.public, roots="bundled.pem"),
        system=replace(foreign.system, roots="/etc/ssl/certs", origin=origin),
    )
    sentence = of_link(Finding.INTERCEPTION, link({"1": known}))
    assert "/etc/ssl/certs" in sentence
    assert "bundled.pem" in sentence
    assert origin in sentence
    assert "cloud.public_roots" in sentence


def test_an_unreachable_cloud_is_told_with_the_errors() -> None:
    """Each once, three at the most, the name's own first."""
    faults = {str(n): HandshakeFault.TIMEOUT for n in range(4)}
    errors = [f"{n} does not answer (timeout)" for n in range(4)]
    assert f"({'; '.join(errors[:3])})" in of_link(Finding.UNREACHABLE, link(faults))
    unresolved = replace(link(faults), resolve_error="no such name")
    assert f"(no such name; {errors[0]}; {errors[1]})" in of_link(Finding.UNREACHABLE, unresolved)
    for nothing in (None, Link(())):
        assert "(no address is known)" in of_link(Finding.UNREACHABLE, nothing)


# --- the one sentence ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "begins"),
    [
        (Guard(), "Pinning is enforced with 1 current; it is so."),
        (
            Guard(Posture.GRACE, grace_served=240.0),
            "Locked out; pinning stays enforced for at most 1min, then validation is off",
        ),
        (
            Guard(Posture.GRACE, grace_served=300.0),
            "Locked out; pinning stays enforced until edge.restart_budget allows two restarts, one",
        ),
        (
            Guard(Posture.OPEN, open_ends=Monotonic(NOW + 60)),
            "Validation is off (fail-open) for at most 1min; ",
        ),
        (Guard(Posture.EXHAUSTED), "Locked out, and validation stays on"),
        (
            Guard(
                Posture.OVERRIDE,
                override=OverrideState(tick().now.wall, Monotonic(NOW + 60), "x", "ann"),
            ),
            "ann switched pinning validation off for at most 1min; it is so.",
        ),
        (Guard(Posture.OVERRIDE), "an operator switched pinning validation off; it is so."),
    ],
)
def test_the_reason_says_posture_and_finding(guard: Guard, begins: str) -> None:
    """With what time is left, where there is an end."""
    state = replace(state_of([pin("a", Role.CURRENT)]), guard=guard, finding_sentence="it is so")
    assert reason(state, tick()).startswith(begins)
    owed = replace(state, edge=Edge(restart=RolledBack(Debt(NOW))))
    assert reason(owed, tick()) == f"{reason(state, tick())[:-1]}; a restart of the Edge is owed."
    settling = Settling(Debt(NOW), since=NOW, wait_told=True)
    unwell = replace(state, edge=Edge(restart=settling))
    assert "the restarted Edge" in reason(unwell, tick())
    silent = replace(state, finding_sentence="")
    assert reason(silent, tick()) == reason(state, tick()).replace("; it is so", "")


def test_the_reason_says_that_the_edge_may_still_be_off_and_for_how_long() -> None:
    """As long as a restart that ends it is owed."""
    edge = Edge(may_be_off=True, restart=Owed(Debt(since=Monotonic(NOW - 10.0))))
    closing = replace(state_of([pin("a", Role.CURRENT)]), edge=edge)
    assert reason(closing, tick()).endswith(
        "the Edge may still have validation switched off, and is owed the restart that ends this; "
        "it waits for ready_command for at most 20s."
    )
    for other in (
        replace(closing, guard=Guard(Posture.OPEN)),
        replace(closing, edge=replace(edge, may_be_off=False)),
    ):
        assert reason(other, tick()).endswith("a restart of the Edge is owed.")
