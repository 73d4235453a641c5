"""`edgepind override show`: whether an override is in force, until when, by whom, and why."""

from datetime import UTC, datetime

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.permission import demand_readable
from edgepind.cli.render import Facts, Sentences, Tone, Word, complain, print_json, relation, show
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.operator.override_file import EMPTY_LASTS, override_paths, read_override
from edgepind.settings.schema import PathsSettings
from edgepind.telemetry.status_file import rfc3339


def show_override(paths: PathsSettings, *, as_json: bool) -> ExitCode:
    """Show it. Raises PermissionError where this user may not look."""
    for path in override_paths(paths.runtime, paths.state):
        demand_readable(path)
    found = read_override(paths.runtime, paths.state)
    if isinstance(found, OverrideRejected):
        complain(
            f"{found.path} is no override: {found.reason}; write one with `edgepind override on`"
        )
    now = datetime.now(UTC)
    answer = _answer(found, paths, now) if isinstance(found, OverrideFile) else _NONE
    if as_json:
        print_json(answer)
    elif not isinstance(found, OverrideFile):
        show((Sentences(("No override is in force.",)),))
    else:
        show((_facts(answer, now),))
    return ExitCode.BAD if isinstance(found, OverrideRejected) else ExitCode.GOOD


_NONE: dict[str, object] = {
    "active": False,
    "until": None,
    "reason": None,
    "by": None,
    "path": None,
}


def _answer(found: OverrideFile, paths: PathsSettings, now: datetime) -> dict[str, object]:
    until = found.until or found.made_at + EMPTY_LASTS
    folder = paths.runtime if read_override(paths.runtime, paths.runtime) == found else paths.state
    return {
        "active": until > now,
        "until": rfc3339(until),
        "reason": found.reason,
        "by": found.by,
        "path": str(override_paths(folder, folder)[0]),
    }


def _facts(answer: dict[str, object], now: datetime) -> Facts:
    until = str(answer["until"])
    active = Word("in force", Tone.WARNING) if answer["active"] else Word("over")
    return Facts(
        (
            ("override", active),
            ("until", f"{until} ({relation(until, now)})"),
            ("reason", str(answer["reason"])),
            ("by", str(answer["by"])),
            ("file", str(answer["path"])),
        )
    )
