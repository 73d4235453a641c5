"""`edgepind check`: settings, files, unit, clock and link; each fault with its remedy."""

import argparse
import asyncio
from dataclasses import asdict

from edgepind.cli.checks.bundles import check_bundles
from edgepind.cli.checks.cloud import check_client_certificate, check_link, check_status_endpoint
from edgepind.cli.checks.fault import Check, Fault, Gravity, error, warning
from edgepind.cli.checks.files import check_own_files, check_pinning_config
from edgepind.cli.checks.services import check_daemon, check_edge_unit
from edgepind.cli.checks.upgrade import check_upgrade
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import load_settings, settings_path
from edgepind.cli.render import Page, Sentences, Tone, Word, add_json, print_json, show, waiting
from edgepind.settings.load import SettingsRefused
from edgepind.settings.schema import Settings

_CHECKS: tuple[Check, ...] = (
    check_pinning_config,
    check_own_files,
    check_edge_unit,
    check_status_endpoint,
    check_client_certificate,
    check_bundles,
    check_link,
    check_daemon,
    check_upgrade,
)
_TONES = {Gravity.ERROR: Tone.BAD, Gravity.WARNING: Tone.WARNING, Gravity.INFO: Tone.PLAIN}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Run every check; only errors and warnings make the answer bad."""
    settings = load_settings(settings_path(args))
    if isinstance(settings, SettingsRefused):
        faults, code = _of_settings(settings), ExitCode.USAGE
    else:
        faults = asyncio.run(_look(settings))
        bad = any(fault.severity is not Gravity.INFO for fault in faults)
        code = ExitCode.BAD if bad else ExitCode.GOOD
    if args.json:
        print_json({"faults": [asdict(fault) for fault in faults]})
    else:
        show(_page(faults))
    return code


def _of_settings(refused: SettingsRefused) -> list[Fault]:
    faults = []
    for it in refused.faults:
        subject = f"{it.key} = {it.value}" if it.value else it.key
        what = ": ".join(filter(None, (str(refused.path), subject, it.reason)))
        faults.append(error("settings", what, it.remedy))
    return faults


async def _look(settings: Settings) -> list[Fault]:
    async with waiting("checking files, unit, clock and link"):
        found = await asyncio.gather(*(_guarded(check, settings) for check in _CHECKS))
    return [fault for faults in found for fault in faults]


async def _guarded(check: Check, settings: Settings) -> list[Fault]:
    """Report a file that this user may not read as a fault; the other checks still run."""
    try:
        return await check(settings)
    except PermissionError as forbidden:
        what = f"{forbidden.filename} may not be read by this user"
        return [warning("not-permitted", what, "Run `edgepind check` as root.")]


def _page(faults: list[Fault]) -> Page:
    if not faults:
        return (Sentences((Word("No fault found.", Tone.GOOD),)),)
    return tuple(
        Sentences((Word(f"{it.severity} {it.id}: {it.what}", _TONES[it.severity]), it.remedy))
        for it in faults
    )
