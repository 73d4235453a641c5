"""Section 6: how an unpinned fingerprint becomes accepted, and how a pin is let go again."""

import signal
from datetime import datetime
from typing import Any

from edgepind.lab.pki import Credential
from edgepind.lab.timers import Table
from tests.support.blackbox import (
    install_current,
    one_tick,
    pass_ticks,
    poke,
    roles,
    told,
    until_status,
)
from tests.support.small_site import HOST, Site


def pin(site: Site, credential: Credential) -> dict[str, Any]:
    """What the status file says of a credential's pin."""
    wanted = str(credential.fingerprint)
    return next(it for it in site.daemon.status()["pins"] if it["fingerprint"] == wanted)


def waits(site: Site, credential: Credential) -> float:
    """Seconds of hold-down that a pending pin has still to serve."""
    at, written = pin(site, credential)["accepted_after"], site.daemon.status()["written_at"]
    return (datetime.fromisoformat(at) - datetime.fromisoformat(written)).total_seconds()


async def learned(site: Site, credential: Credential) -> None:
    """Wait until the document accepts the credential."""
    text = str(credential.fingerprint)
    await site.until(lambda: text in site.pinning()["fingerprints"], f"{text} accepted")


async def test_the_hold_down_is_served_in_age_and_sightings(site: Site) -> None:
    """Balanced asks for all of it, available for a tenth; both say when it will be over."""
    install_current(site)
    cloud: Table = {"interval": "1h"}
    pins: Table = {"hold_down": "30s", "sightings": 1000}
    site.write_settings({"cloud": cloud, "pins": pins})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.issue(), site.cloud.addresses[:1])
    await one_tick(site)
    assert (pin(site, other)["role"], pin(site, other)["origin"]) == ("pending", "observed")
    assert 28 < waits(site, other) <= 30
    assert pin(site, other)["sightings"] == 1
    before = waits(site, other)
    await one_tick(site)
    assert waits(site, other) < before
    assert pin(site, other)["sightings"] == 2
    site.write_settings({"cloud": cloud, "pins": {**pins, "policy": "available"}})
    poke(site, signal.SIGHUP)
    await site.until_event("reloaded")
    await site.until(lambda: waits(site, other) <= 3, "the shorter hold-down")
    assert pin(site, other)["role"] == "pending", "its sightings are not served"


async def test_what_has_served_is_accepted_and_becomes_current(site: Site) -> None:
    """First as backup, for it rolls over the addresses; current when the last has changed."""
    live = str(install_current(site))
    site.write_settings({"pins": {"hold_down": "500ms", "overlap": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.issue(), site.cloud.addresses[:1])
    await learned(site, other)
    assert site.pinning()["fingerprints"] == [live, str(other.fingerprint)]
    assert site.pinning()["fingerprint"] == live
    site.cloud.serve(other)
    await site.until(lambda: roles(site)[live] == "retiring", "the other to be current")
    assert site.pinning()["fingerprint"] == str(other.fingerprint)
    assert site.pinning()["fingerprints"] == [str(other.fingerprint), live]
    at = [site.events().index(it) for it in ("pin_pending", "pin_prepared", "pin_activated")]
    assert at == sorted(at)


async def test_strict_never_accepts_the_unannounced(site: Site, ask: Any) -> None:
    """However long it is seen; the operator's word lets it in at once."""
    live = install_current(site)
    site.write_settings({"pins": {"policy": "strict", "hold_down": "1ms", "sightings": 1}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.issue(), site.cloud.addresses[:1])
    await site.until_event("pin_refused")
    await pass_ticks(site, 5)
    assert roles(site).get(str(other.fingerprint)) in {None, "pending"}
    assert site.pinning()["fingerprints"] == [str(live)]
    assert (await ask("pin", "add", other.fingerprint)).code == 0
    await learned(site, other)
    assert pin(site, other)["origin"] == "operator"


async def test_a_contradiction_starts_the_hold_down_again(site: Site) -> None:
    """Another unpinned leaf anywhere, or the old one where the new had been; not a roll-over."""
    install_current(site)
    first, second, third = site.cloud.addresses
    original = site.cloud.served()[first].credential
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"hold_down": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.issue(), [first])
    for count in (1, 2, 3):
        await one_tick(site)
        assert pin(site, other)["sightings"] == count
    site.cloud.serve(other, [first, second])
    await one_tick(site)
    assert pin(site, other)["sightings"] == 5, "rolling over is no contradiction"
    site.cloud.serve(site.issue(), [third])
    await one_tick(site)
    assert pin(site, other)["sightings"] <= 2, "another leaf is"
    site.cloud.serve(original, [third])
    for _ in range(3):
        await one_tick(site)
    assert pin(site, other)["sightings"] >= 6
    site.cloud.serve(original, [first])
    await one_tick(site)
    assert pin(site, other)["sightings"] >= 6, "one look without it may be a turn"
    for _ in range(9):
        await one_tick(site)
    assert pin(site, other)["sightings"] <= 1, "and so is the old one come back for good"


async def test_a_contradicted_leaf_is_not_accepted_while_it_lasts(site: Site) -> None:
    """Two strangers at once: neither is believed."""
    live = str(install_current(site))
    site.write_settings({"cloud": {"interval": "50ms"}, "pins": {"hold_down": "100ms"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(site.issue(), site.cloud.addresses[:1])
    site.cloud.serve(site.issue(), site.cloud.addresses[1:2])
    await until_status(site, finding="unannounced_rotation")
    await pass_ticks(site, 12)
    assert site.pinning()["fingerprints"] == [live]


async def test_the_count_survives_a_restart_of_the_daemon(site: Site) -> None:
    """Neither SIGKILL nor a clean end makes a hold-down begin anew."""
    install_current(site)
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"hold_down": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.issue(), site.cloud.addresses[:1])
    for _ in range(3):
        await one_tick(site)
    assert pin(site, other)["sightings"] == 3
    poke(site, signal.SIGKILL)
    await site.daemon.wait()
    await site.daemon.start()
    await site.until(lambda: pin(site, other)["sightings"] == 4, "it to go on")
    assert len(told(site, "pin_pending")) == 1


async def test_issuers_narrow_what_may_be_learned(site: Site) -> None:
    """Where `issuers` names some, only what they signed serves a hold-down."""
    live = install_current(site)
    pins: Table = {"hold_down": "200ms", "issuers": [site.trust.issuer.spki.base64]}
    site.write_settings({"pins": pins})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(site.trust.compromised.leaf([HOST]), site.cloud.addresses[:1])
    await site.until_event("pin_refused")
    await pass_ticks(site, 4)
    assert site.pinning()["fingerprints"] == [str(live)]
    site.cloud.serve(known := site.issue(), site.cloud.addresses[:1])
    await learned(site, known)


async def test_an_accepted_proxy_is_a_named_exception(site: Site) -> None:
    """Interception is never accepted, but by a CA in `exceptions` after a hold-down."""
    live = install_current(site)
    proxy = site.trust.corporate.leaf([HOST])
    pem = site.trust.corporate.write(site.folder / "inspection.pem")
    site.write_settings({"pins": {"policy": "strict", "hold_down": "300ms"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(proxy)
    await site.until_event("pin_refused")
    await pass_ticks(site, 5)
    assert site.pinning()["fingerprints"] == [str(live)]
    pins = {"policy": "strict", "hold_down": "300ms"}
    site.write_settings({"pins": pins, "interception": {"exceptions": [str(pem)]}})
    poke(site, signal.SIGHUP)
    await learned(site, proxy)
    assert pin(site, proxy)["origin"] == "exception"
    await until_status(site, finding="pinned")


async def test_the_first_pin_is_seen_at_every_address(site: Site) -> None:
    """Corroborated: as many sightings at each that answers, no contradiction, no age asked."""
    first, _, third = site.cloud.addresses
    original = site.cloud.served()[first].credential
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"hold_down": "1h", "sightings": 4}})
    site.cloud.serve(site.issue(), [third])
    await site.daemon.start()
    await site.until_event("finding_changed")
    for _ in range(6):
        await one_tick(site)
    assert "current" not in roles(site).values(), "the addresses disagree"
    site.cloud.serve(original)
    ticks = 0
    while roles(site).get(str(original.fingerprint)) != "current":
        await one_tick(site)
        ticks += 1
    assert 3 <= ticks <= 5
    assert pin(site, original)["origin"] == "bootstrap"


async def test_the_first_pin_is_no_proxys(site: Site) -> None:
    """Interception, a wrong name and a wrong time are adopted by no bootstrap."""
    site.write_settings({"cloud": {"interval": "50ms"}, "pins": {"sightings": 1}})
    site.cloud.serve(site.trust.corporate.leaf([HOST]))
    await site.daemon.start()
    await until_status(site, finding="interception")
    await pass_ticks(site, 2)
    site.cloud.serve(site.trust.issuer.leaf(["other.test"]))
    await until_status(site, finding="certificate_fault")
    await pass_ticks(site, 2)
    assert roles(site) == {}
    assert site.pinning() == {}


async def test_an_spki_pin_outlives_a_renewal_with_the_same_key(site: Site) -> None:
    """`kind = "spki"`: the key is pinned, so a new certificate over it is no rotation."""
    site.cloud.serve(first := site.issue())
    site.cloud.admit(first)
    site.write_settings({"pins": {"kind": "spki"}})
    await site.daemon.start()
    await site.until_steady()
    assert site.pinning()["fingerprints"] == [str(first.spki)], "an SPKI pin and nothing else"
    assert [it["kind"] for it in site.daemon.status()["pins"]] == ["spki"]
    renewed = site.trust.issuer.leaf([HOST], key=first.private_key)
    site.cloud.serve(renewed)
    await pass_ticks(site, 3)
    assert site.daemon.status()["finding"] == "pinned"
    assert site.restarts() == 1


async def test_a_pin_goes_only_when_another_was_live_after_the_edge_loaded_it(site: Site) -> None:
    """Widen before narrowing: without the restart the old pin stays, however long it is gone."""
    old = str(install_current(site))
    script = site.script("ready", f"test -e {site.folder}/free\n")
    ready: Table = {"ready_command": [str(script)], "urgent_ready_deadline": "1h"}
    site.write_settings(
        {"edge": ready, "pins": {"overlap": "100ms"}, "cloud": {"interval": "50ms"}}
    )
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.announce(new := site.issue(), datetime.now().astimezone())
    await learned(site, new)
    site.cloud.rotate(new)
    await site.until(lambda: roles(site).get(old) == "retiring", "the rotation")
    await pass_ticks(site, 10)
    assert set(site.pinning()["fingerprints"]) == {old, str(new.fingerprint)}
    (site.folder / "free").touch()
    await site.until(lambda: site.pinning()["fingerprints"] == [str(new.fingerprint)], "the end")
    assert told(site, "pin_retired")[0]["EDGEPIND_FINGERPRINT"] == old
    assert "restart_deferred" in site.events()
