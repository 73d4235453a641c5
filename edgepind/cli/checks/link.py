"""The link as it is now, the roots that it is judged by, and the host's clock."""

from collections.abc import Iterator

from edgepind.cli.checks.fault import Fault, error, halves, info, warning
from edgepind.cli.probing import Probe, Unprobed, probe_cloud
from edgepind.model.state import ClockJudgement
from edgepind.model.words import Finding
from edgepind.settings.schema import Settings

_FINE = frozenset({Finding.PINNED, Finding.ROTATING})


async def check_link(settings: Settings) -> list[Fault]:
    """Probe the cloud once, as `edgepind probe` does."""
    probe = await probe_cloud(settings)
    if isinstance(probe, Unprobed):
        return [error("roots-unusable", *halves(probe.error))]
    return [
        *(error("roots-unusable", *halves(sentence)) for sentence in probe.warnings),
        *_of_clock(probe.tick.clock, known=bool(probe.tick.seen.clock)),
        *_of_link(probe),
    ]


def _of_clock(clock: ClockJudgement, *, known: bool) -> Iterator[Fault]:
    if not clock.trusted:
        ahead = "" if clock.error is None else f", by {abs(clock.error):.0f} s ({clock.source})"
        remedy = "Set it, and see `chronyc tracking` or `timedatectl` for why it is not kept right."
        yield error("clock-wrong", f"the host's clock is known to be wrong{ahead}", remedy)
    elif not known:
        yield info(
            "clock-unsynchronised",
            "nothing is known of how right the host's clock is: neither chrony nor the kernel says",
            "Run chrony or systemd-timesyncd; until then the clock counts as right.",
        )


def _of_link(probe: Probe) -> Iterator[Fault]:
    finding = probe.diagnosis.finding
    if finding in _FINE:
        yield from _of_addresses(probe)
        return
    name = f"link-{finding.replace('_', '-')}"
    if finding is Finding.UNANNOUNCED_ROTATION and not probe.pins.pins:
        remedy = "Nothing to do where edgepind is to learn it; else `edgepind pin add` it."
        yield info(name, f"{probe.target.host} serves a good leaf, and no pin is known yet", remedy)
        return
    kind = warning if finding is Finding.UNANNOUNCED_ROTATION else error
    what, remedy = halves(probe.sentence)
    yield kind(name, f"finding {finding}: {what}", f"{remedy[0].upper()}{remedy[1:]}.")


def _of_addresses(probe: Probe) -> Iterator[Fault]:
    for it in probe.diagnosis.verdicts:
        if it.verdict is Finding.UNREACHABLE:
            remedy = "See to its route, or name the good ones in cloud.addresses."
            what = f"{it.address} gives no handshake ({it.error}), though others do"
            yield info("address-unreachable", what, remedy)
