"""What all tests of this folder saw together: section 10's events, each told by a real daemon.

The tests may run in several processes. What each saw travels with its report to the process that
began the run, which judges once the whole folder was run. It must not judge a part of it.
"""

from pathlib import Path

import pytest

from edgepind.model.enums import EventName
from tests.support.small_site import Site

_PROPERTY = "event told"
_FOLDER = Path(__file__).parent


def note_events(site: Site, item: pytest.Item) -> None:
    """Let the report of this test carry what its daemon told: events and their MESSAGE_IDs."""
    site.daemon.follow()
    for record in site.daemon.events:
        if (name := record.get("EDGEPIND_EVENT")) is not None:
            item.user_properties.append((_PROPERTY, f"{name} {record.get('MESSAGE_ID', '')}"))


class ToldEvents:
    """A plugin of pytest: fails the run where an event was never told, or under two ids."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}
        self._files: set[str] = set()
        self._faults: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a test saw, once it is over."""
        path = Path(report.nodeid.partition("::")[0])
        if report.when != "teardown" or path.parent.name != _FOLDER.name:
            return
        self._files.add(path.name)
        for name, value in report.user_properties:
            if name == _PROPERTY:
                event, _, message_id = str(value).partition(" ")
                self._ids.setdefault(event, set()).add(message_id)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge, where every file of the folder was run and nothing of it was left out."""
        option = session.config.option
        whole = {it.name for it in _FOLDER.glob("test_*.py")}
        if self._files != whole or option.keyword or session.config.getoption("--faults"):
            return
        missing = {it.value for it in EventName} - self._ids.keys()
        self._faults = [f"event {name}: told by no daemon of tests/contract" for name in missing]
        self._faults += [
            f"event {name}: told under several MESSAGE_IDs: {', '.join(sorted(ids))}"
            for name, ids in self._ids.items()
            if len(ids) > 1
        ]
        if self._faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what is missing."""
        for fault in self._faults:
            terminalreporter.line(f"FAILED {fault}", red=True)
