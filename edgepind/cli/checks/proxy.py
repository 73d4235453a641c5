"""Checks of the way to the cloud: the proxy's credentials, and a proxy that only variables name.

edgepind obeys no variable of the environment. Where one is set for a unit, a process or this
command, a person may believe that it is used, so it is named. A password in it is never shown.
"""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.running_daemon import daemon_at_work
from edgepind.core.messages import halves
from edgepind.formats import foreign_text
from edgepind.host.command import Exited, run_command
from edgepind.host.disk_thread import run_aside
from edgepind.observe.proxy_credentials import NoProxyCredentials, read_proxy_credentials
from edgepind.settings.schema import Settings

VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""What other clients of HTTPS go by (curl(1), ENVIRONMENT)."""
_EXAMPLE = "http://proxy.example:3128"
_OWN_UNIT = "edgepind.service"
_DEADLINE = 10.0


async def check_proxy(settings: Settings) -> list[Fault]:
    """Look at the credentials where a proxy is set, and else for variables that name one."""
    if settings.cloud.proxy is not None:
        return await run_aside(_of_credentials, settings.cloud.proxy_credentials_file)
    places = {"this command": dict(os.environ)}
    daemon = daemon_at_work(settings.paths.state)
    if daemon is not None and daemon.pid is not None:
        places["the daemon"] = _of_process(daemon.pid)
    units = [_OWN_UNIT, *([] if settings.edge.restart_command else [settings.edge.unit])]
    for unit in units:
        places[unit] = await _of_unit(unit)
    return list(_of_environments(places))


def _of_credentials(configured: str) -> list[Fault]:
    found = read_proxy_credentials(configured)
    if isinstance(found, NoProxyCredentials):
        remedy = "Write USER:PASSWORD into it, and let the user edgepind read it."
        what, own = halves(found.error)
        return [error("proxy-credentials", what, own or remedy)]
    if configured and Path(configured).stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        what = f"every user of this host may read or write the proxy's credentials in {configured}"
        return [warning("proxy-credentials-open", what, f"Run `chmod o= {configured}`.")]
    return []


def _of_environments(places: Mapping[str, Mapping[str, str]]) -> Iterator[Fault]:
    """Tell each variable once for each value, with the places where it is set."""
    found: dict[tuple[str, str], list[str]] = {}
    for place, environment in places.items():
        for name in VARIABLES:
            if value := environment.get(name, "").strip():
                found.setdefault((name, _without_password(value)), []).append(place)
    for (name, shown), where in found.items():
        named = f"{name} ({shown})" if shown else name
        what = (
            f"{named} is set for {' and '.join(where)}, and edgepind does not use it: it dials the "
            "cloud directly"
        )
        usable = shown if shown.startswith(("http://", "https://")) else _EXAMPLE
        remedy = f'Set cloud.proxy = "{usable}" if the Edge goes through that proxy.'
        if usable is _EXAMPLE:
            remedy = f'Where the Edge goes through an HTTP proxy, set cloud.proxy = "{_EXAMPLE}".'
        yield info("proxy-variable-unused", what, remedy)


def _without_password(value: str) -> str:
    """The scheme, host and port of a proxy; "" where they cannot be told from the rest."""
    with suppress(ValueError):
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host = foreign_text(parts.hostname or "")
        name = f"[{host}]" if ":" in host else host
        port = "" if parts.port is None else f":{parts.port}"
        if host:
            return f"{foreign_text(parts.scheme)}://{name}{port}"
    return ""


def _of_process(pid: int) -> dict[str, str]:
    """The environment that a process was started with (proc(5)); empty where it may not be read."""
    try:
        octets = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return _variables(octets.decode("utf-8", "replace").split("\0"))


async def _of_unit(unit: str) -> dict[str, str]:
    """What systemd gives the unit's process, and what its process was started with."""
    if shutil.which("systemctl") is None:
        return {}
    given: dict[str, str] = {}
    with suppress(ValueError):
        given = _variables(shlex.split(await _property(unit, "Environment")))
    pid = await _property(unit, "MainPID")
    return given | (_of_process(int(pid)) if pid.isdigit() and pid != "0" else {})


async def _property(unit: str, name: str) -> str:
    shown = await run_command(("systemctl", "show", "--value", f"-p{name}", unit), _DEADLINE)
    return shown.tail if isinstance(shown, Exited) and shown.code == 0 else ""


def _variables(lines: list[str]) -> dict[str, str]:
    return {name: value for name, sign, value in (it.partition("=") for it in lines) if sign}
