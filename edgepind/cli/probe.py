"""`edgepind probe [HOST[:PORT]]`: live handshakes with every address, and the verdict on each."""

import argparse
import asyncio

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.probe_target import Named, parse_target
from edgepind.cli.probe_view import probe_answer, probe_page
from edgepind.cli.probing import Probe, Unprobed, probe_cloud, probe_named
from edgepind.cli.say import add_json, complain, print_json
from edgepind.cli.show import show
from edgepind.cli.site import DEFAULT_PATH, load_settings, settings_of
from edgepind.settings.kinds import Wrong
from edgepind.settings.schema import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        "host",
        nargs="?",
        metavar="HOST[:PORT]",
        help="whom to look at (default: cloud.host of the settings); an IPv6 address with a port "
        "is written [2001:db8::1]:443",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Look once at every address, and tell what was seen."""
    probe = _named(args) if args.host is not None else _cloud(args)
    if isinstance(probe, ExitCode):
        return probe
    if isinstance(probe, Unprobed):
        complain(probe.error)
        return ExitCode.USAGE
    for warning in probe.warnings:
        complain(warning)
    if args.json:
        print_json(probe_answer(probe))
    else:
        show(probe_page(probe))
    return probe.exit_code


def _cloud(args: argparse.Namespace) -> Probe | Unprobed | ExitCode:
    settings = settings_of(args)
    return settings if isinstance(settings, ExitCode) else asyncio.run(probe_cloud(settings))


def _named(args: argparse.Namespace) -> Probe | Unprobed | ExitCode:
    named = parse_target(args.host)
    if isinstance(named, Wrong):
        return Unprobed(
            f"{args.host!r} cannot be probed: {named.reason}; name a host as "
            "`edgepind probe acme.mypurecloud.com:443`"
        )
    settings = _settings_for(named, args)
    return settings if isinstance(settings, ExitCode) else asyncio.run(probe_named(named, settings))


def _settings_for(named: Named, args: argparse.Namespace) -> Settings | ExitCode | None:
    """The settings that say something about this host; None where there are none.

    Settings that were named count for whatever host is named with them; those of this host only
    for the cloud that they are about, and they need not be there, or be right.
    """
    if args.config is not None:
        return settings_of(args)
    try:
        settings = load_settings(DEFAULT_PATH)
    except PermissionError:
        return None
    return (
        settings if isinstance(settings, Settings) and settings.cloud.host == named.host else None
    )
