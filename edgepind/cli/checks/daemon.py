"""The daemon: whether it is there and alive, and what it says of itself."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.daemon_at_work import daemon_at_work
from edgepind.cli.status_document import NoStatus, StatusDocument, is_stale, read_status
from edgepind.cli.times import relation
from edgepind.settings.schema import Settings


async def check_daemon(settings: Settings) -> list[Fault]:
    """Look at its lock and at its status file."""
    running = daemon_at_work(settings.paths.state) is not None
    document = read_status(settings.paths.runtime)
    if isinstance(document, NoStatus):
        return [_mute() if running else _never()]
    now = datetime.now(UTC)
    if not running:
        return [_stopped(document, now)]
    if is_stale(document, now, settings.cloud.interval):
        return [_hung(document, now)]
    return list(_of_status(document))


def _mute() -> Fault:
    what, remedy = "edgepind runs and has written no status", "See `journalctl -u edgepind`."
    return warning("daemon-without-status", what, remedy)


def _never() -> Fault:
    what, remedy = "no edgepind has run here yet", "Start it with `systemctl start edgepind`."
    return info("daemon-not-started", what, remedy)


def _stopped(document: StatusDocument, now: datetime) -> Fault:
    what = f"no edgepind is running; it wrote last {relation(document['written_at'], now)}"
    remedy = "Start it with `systemctl start edgepind`: nothing follows a rotation until then."
    return warning("daemon-stopped", what, remedy)


def _hung(document: StatusDocument, now: datetime) -> Fault:
    what = f"edgepind is there and wrote last {relation(document['written_at'], now)}"
    return error("daemon-hung", what, "Run `systemctl restart edgepind`; see its journal for why.")


def _of_status(document: StatusDocument) -> Iterator[Fault]:
    if document["dry_run"]:
        remedy = "Start it without --dry-run to have rotations followed."
        yield info("daemon-dry-run", "edgepind runs dry and changes nothing", remedy)
    if document["edge"]["restart_owed"]:
        remedy = "`edgepind explain` tells what it waits for."
        yield warning("restart-owed", "the Edge is owed a restart", remedy)
    yield from _of_endpoint(document["status_endpoint"])


def _of_endpoint(endpoint: Mapping[str, Any]) -> Iterator[Fault]:
    problem = endpoint["error"]
    if problem is not None and endpoint["ok"]:
        remedy = "`edgepind pin add` the pin of that leaf if you know it, or let it earn standing."
        yield warning("status-endpoint", f"it answers in vain: {problem}", remedy)
    elif problem is not None:
        remedy = "Live handshakes go on deciding; see to the endpoint, or switch it off."
        yield warning("status-endpoint", f"it gives no usable answer: {problem}", remedy)
