"""`edgepind status --watch`: the status as it changes, until Ctrl-C."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.page import Page, Sentences
from edgepind.cli.printable import printable
from edgepind.cli.status_document import NoStatus, StatusDocument, read_status
from edgepind.cli.status_view import status_line, status_page
from edgepind.settings.schema import Settings

_LOOK_EVERY = 0.5
"""Seconds. The file is replaced whole, so a look costs next to nothing."""


def watch(settings: Settings, *, drawn: bool) -> int:
    """Follow the status file; Ctrl-C is the way to end this, and so is no failure."""
    with suppress(KeyboardInterrupt):
        _draw(settings) if drawn else _tell(settings)
    return ExitCode.GOOD


def _looks(settings: Settings) -> Iterator[StatusDocument | NoStatus]:
    while True:
        yield read_status(settings.paths.runtime)
        time.sleep(_LOOK_EVERY)


def _draw(settings: Settings) -> None:
    from rich.console import Console  # noqa: PLC0415  not needed where the output is piped
    from rich.live import Live  # noqa: PLC0415

    from edgepind.cli.page_drawn import drawn  # noqa: PLC0415

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        for look in _looks(settings):
            live.update(drawn(_page(look, settings)), refresh=True)


def _page(look: StatusDocument | NoStatus, settings: Settings) -> Page:
    if isinstance(look, NoStatus):
        return (Sentences((look.error,)),)
    return status_page(look, datetime.now(UTC), settings.cloud.interval)


def _tell(settings: Settings) -> None:
    told = ""
    for look in _looks(settings):
        now = datetime.now(UTC)
        if isinstance(look, NoStatus):
            line = look.error
        else:
            line = status_line(look, now, settings.cloud.interval)
        if line != told:
            print(f"{now:%Y-%m-%dT%H:%M:%SZ} {printable(line)}", flush=True)
            told = line
