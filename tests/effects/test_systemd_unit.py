"""The Edge's unit over a real D-Bus daemon, with a systemd that does what the test wrote down."""

import asyncio
import math
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgepind.effects.attributes import AccountUnknown
from edgepind.effects.systemd import SystemdUnit
from edgepind.host.file_access import Account
from edgepind.model.action import RestartDone, RestartFailed, RestartRefused, RestartUnderWay
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Unit, UnitState, UnitUnknown
from tests.faults.seen import Sightings
from tests.support.systemd_stand_in import NoMessageBusError, SystemdStandIn, message_bus

NAME = "purecloud-edge@7.service"
PIN = Fingerprint(bytes(range(32)))
LOADING = Pinning(enabled=True, current=PIN, accepted=(PIN,))


@pytest.fixture
def socket() -> Iterator[Path]:
    """A short path for the bus: a socket's may have a hundred octets only."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        yield Path(folder, "bus")


@pytest.fixture
async def address(socket: Path) -> AsyncIterator[str]:
    """A message bus with nobody on it."""
    async with AsyncExitStack() as stack:
        try:
            yield await stack.enter_async_context(message_bus(socket))
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, the Edge's unit over D-Bus: {error}")


@pytest.fixture
async def systemd(address: str) -> AsyncIterator[SystemdStandIn]:
    """A systemd on that bus whose unit is active."""
    stand_in = SystemdStandIn(NAME)
    async with stand_in.serving(address):
        yield stand_in


@pytest.fixture
async def edge(address: str) -> AsyncIterator[SystemdUnit]:
    """The unit under test, with the patience of a test."""
    unit = SystemdUnit(NAME, bus_address=address, job_deadline=0.3, start_limit_pause=0.0)
    yield unit
    unit.close()


# --- looking --------------------------------------------------------------------------------


async def test_an_active_unit_is_told_with_its_run(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """State, invocation id and start come from one call."""
    assert await edge.unit() == Unit(
        UnitState.ACTIVE, systemd.invocation.hex(), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    )
    assert systemd.calls == []


async def test_as_whom_it_runs_is_asked_once_a_run(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """By `User=`, `Group=` and `SupplementaryGroups=`; a new run may have others."""
    await edge.unit()
    root = await edge.account()
    assert isinstance(root, Account)
    assert root.uid == 0
    await edge.unit()
    assert await edge.account() == root
    assert systemd.asked_account == 1
    systemd.runs_as, systemd.supplementary = "41234:41235", ("41236", "no-such-group")
    systemd.invocation = bytes(16)
    await edge.unit()
    assert await edge.account() == Account(41234, 41235, frozenset({41235, 41236}), "41234")
    systemd.runs_as, systemd.invocation = "no-such-user", bytes(15) + b"1"
    await edge.unit()
    assert isinstance(await edge.account(), AccountUnknown)


async def test_without_a_bus_it_is_not_known_as_whom_it_runs(socket: Path) -> None:
    """And is no reason to fail."""
    edge = SystemdUnit(NAME, bus_address=f"unix:path={socket}")
    assert isinstance(await edge.account(), AccountUnknown)
    edge.close()


@pytest.mark.parametrize(
    ("load", "active", "state"),
    [
        ("loaded", "reloading", UnitState.ACTIVE),
        ("loaded", "activating", UnitState.ACTIVATING),
        ("loaded", "deactivating", UnitState.DEACTIVATING),
        ("loaded", "inactive", UnitState.INACTIVE),
        ("loaded", "failed", UnitState.FAILED),
        ("not-found", "inactive", UnitState.ABSENT),
        ("masked", "inactive", UnitState.MASKED),
        ("masked", "active", UnitState.ACTIVE),
    ],
)
async def test_states_in_the_words_of_the_model(
    systemd: SystemdStandIn, edge: SystemdUnit, load: str, active: str, state: UnitState
) -> None:
    """What is up is up, though masked; what is down says why it cannot come up."""
    systemd.load_state, systemd.active_state = load, active
    seen = await edge.unit()
    assert isinstance(seen, Unit)
    assert seen.state is state


async def test_a_state_of_a_later_systemd_is_not_guessed(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """An unknown word makes the unit unknown, by name."""
    systemd.active_state = "dreaming"
    seen = await edge.unit()
    assert isinstance(seen, UnitUnknown)
    assert "'dreaming'" in seen.error


async def test_a_unit_that_is_down_has_no_run(systemd: SystemdStandIn, edge: SystemdUnit) -> None:
    """The last run's id is kept by systemd; the model means the present run."""
    systemd.active_state = "inactive"
    assert await edge.unit() == Unit(UnitState.INACTIVE)


async def test_a_unit_that_waits_for_its_turn_is_not_stopped(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """At boot its job may have to wait: that is no operator's doing, and no end of the unit."""
    systemd.active_state, systemd.queued = "inactive", True
    assert await edge.unit() == Unit(UnitState.ACTIVATING)


async def test_ticks_share_one_connection(systemd: SystemdStandIn, edge: SystemdUnit) -> None:
    """A steady tick opens nothing."""
    await edge.unit()
    before = _descriptors()
    for _ in range(5):
        await edge.unit()
    assert systemd.looks == 6
    assert _descriptors() == before


def _descriptors() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


async def test_no_bus_is_a_value(tmp_path: Path, seen: Sightings) -> None:
    """A host without D-Bus is told as such, for looking and for restarting."""
    edge = SystemdUnit(NAME, bus_address=f"unix:path={tmp_path}/absent")
    looked = await edge.unit()
    assert isinstance(looked, UnitUnknown)
    assert "D-Bus cannot be reached" in looked.error
    assert isinstance(await edge.restart(LOADING), RestartFailed)
    seen("systemd-no-bus", "the unit is unknown, a restart fails", looked.error)


async def test_no_systemd_on_the_bus_is_a_value(address: str) -> None:
    """A bus that systemd has not joined, as in a container."""
    edge = SystemdUnit(NAME, bus_address=address)
    assert isinstance(await edge.unit(), UnitUnknown)
    edge.close()


async def test_a_bus_that_restarts_is_found_again(socket: Path, seen: Sightings) -> None:
    """The tick after the bus came back sees the unit, with nobody's help."""
    edge: SystemdUnit | None = None
    for _ in range(2):
        async with AsyncExitStack() as stack:
            try:
                address = await stack.enter_async_context(message_bus(socket))
            except NoMessageBusError as error:
                pytest.skip(f"NOT TESTED, a message bus that restarts: {error}")
            await stack.enter_async_context(SystemdStandIn(NAME).serving(address))
            edge = edge or SystemdUnit(NAME, bus_address=address)
            assert isinstance(await edge.unit(), Unit)
        lost = await edge.unit()
        assert isinstance(lost, UnitUnknown)
        seen("systemd-bus-restarted", "unknown meanwhile, found again by itself", lost.error)


# --- restarting -----------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True])
async def test_a_restart_waits_for_its_own_job(
    systemd: SystemdStandIn, edge: SystemdUnit, *, early: bool
) -> None:
    """Done is when the job is, whichever message comes first; other jobs do not count."""
    systemd.early = early
    before = systemd.invocation
    done = await edge.restart(LOADING)
    assert done == RestartDone(LOADING, systemd.invocation.hex())
    assert systemd.invocation != before
    assert systemd.calls == ["TryRestartUnit"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("failed", "its job failed"),
        ("canceled", "cancelled"),
        ("timeout", "time-out"),
        ("dependency", "requires"),
        ("skipped", "did not apply"),
        ("collected", "'collected'"),
    ],
)
async def test_every_other_end_of_the_job_is_told(
    systemd: SystemdStandIn, edge: SystemdUnit, result: str, words: str, seen: Sightings
) -> None:
    """The sentence says what became of the job and where to look."""
    systemd.results = deque([result])
    failed = await edge.restart(LOADING)
    assert isinstance(failed, RestartFailed)
    assert words in failed.error
    assert f"journalctl -u {NAME}" in failed.error
    if result == "canceled":
        seen("systemd-job-cancelled", "the restart has failed", failed.error)


@pytest.mark.parametrize("result", ["never", "starting"])
async def test_a_job_that_goes_on_has_not_failed(
    systemd: SystemdStandIn, edge: SystemdUnit, result: str, seen: Sightings
) -> None:
    """How long it may take is for the unit's owner to say: it is under way, and for how long."""
    systemd.results = deque([result])
    under_way = await edge.restart(LOADING)
    assert isinstance(under_way, RestartUnderWay)
    assert (under_way.starting >= 0.2) is (result == "starting")
    assert systemd.calls == ["TryRestartUnit"]
    seen("systemd-job-hangs", "the restart is under way", "it is watched, and not asked for again")


async def test_a_unit_that_starts_is_told_with_its_run(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """So that its start can be followed, and what it read be known before it is up."""
    systemd.active_state = "activating"
    assert await edge.unit() == Unit(
        UnitState.ACTIVATING,
        systemd.invocation.hex(),
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    )


@pytest.mark.parametrize("word", ["auto-restart", "auto-restart-queued"])
async def test_a_unit_between_two_runs_has_failed(
    systemd: SystemdStandIn, edge: SystemdUnit, word: str
) -> None:
    """By its word it is activating, and nothing of it runs until `RestartSec=` is over."""
    systemd.active_state, systemd.sub_state = "activating", word
    assert await edge.unit() == Unit(UnitState.FAILED)
    assert isinstance(await edge.restart(LOADING), RestartDone)


async def test_a_job_of_a_unit_that_is_up_is_told(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """A restart that waits in the queue is not asked for once more."""
    systemd.queued = True
    seen = await edge.unit()
    assert isinstance(seen, Unit)
    assert (seen.state, seen.job) == (UnitState.ACTIVE, True)


@pytest.mark.parametrize(
    ("start", "stop", "seconds"),
    [(300_000_000, 90_000_000, 390.0), (2**64 - 1, 90_000_000, math.inf), (1, 2**64 - 1, math.inf)],
)
async def test_the_owners_patience_is_read(
    systemd: SystemdStandIn, edge: SystemdUnit, start: int, stop: int, seconds: float
) -> None:
    """The time for a stop and a start; systemd's `infinity` is one."""
    systemd.spans = {"TimeoutStartUSec": start, "TimeoutStopUSec": stop}
    assert await edge.patience() == seconds


async def test_patience_that_is_not_told_is_not_known(tmp_path: Path) -> None:
    """Without a bus there is no word on it."""
    assert await SystemdUnit(NAME, bus_address=f"unix:path={tmp_path}/absent").patience() is None


@pytest.mark.parametrize("state", ["inactive", "deactivating"])
async def test_a_unit_that_an_operator_stopped_is_not_started(
    systemd: SystemdStandIn, edge: SystemdUnit, state: str
) -> None:
    """No call that could start it is even made."""
    systemd.active_state = state
    assert isinstance(await edge.restart(LOADING), RestartRefused)
    assert systemd.calls == []


async def test_a_unit_stopped_at_the_last_moment_stays_stopped(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """An operator may act between the look and the call."""
    systemd.stopped_meanwhile = True
    assert isinstance(await edge.restart(LOADING), RestartRefused)
    assert systemd.active_state == "inactive"


async def test_a_failed_unit_is_started(systemd: SystemdStandIn, edge: SystemdUnit) -> None:
    """A rollback has to bring up what the new document brought down."""
    systemd.active_state = "failed"
    assert isinstance(await edge.restart(LOADING), RestartDone)
    assert systemd.calls == ["RestartUnit"]


@pytest.mark.parametrize(("load", "words"), [("masked", "unmask"), ("not-found", "edge.unit")])
async def test_a_unit_that_cannot_start_names_the_remedy(
    systemd: SystemdStandIn, edge: SystemdUnit, load: str, words: str, seen: Sightings
) -> None:
    """Masked and absent units fail with what to do."""
    systemd.load_state, systemd.active_state = load, "inactive"
    failed = await edge.restart(LOADING)
    assert isinstance(failed, RestartFailed)
    assert words in failed.error
    row = "systemd-masked" if load == "masked" else "systemd-absent"
    seen(row, "the restart has failed", failed.error)


async def test_masked_while_running_names_the_remedy(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """The refusal is then systemd's own, and its word is passed on."""
    systemd.load_state = "masked"
    failed = await edge.restart(LOADING)
    assert isinstance(failed, RestartFailed)
    assert f"systemctl unmask {NAME}" in failed.error


async def test_no_permission_names_the_remedy(systemd: SystemdStandIn, edge: SystemdUnit) -> None:
    """An ordinary user learns that rights are missing."""
    systemd.refusals["TryRestartUnit"] = (
        "InteractiveAuthorizationRequired",
        "Interactive authentication required.",
    )
    failed = await edge.restart(LOADING)
    assert isinstance(failed, RestartFailed)
    assert "Interactive authentication required." in failed.error
    assert "root" in failed.error


@pytest.mark.parametrize(
    ("state", "method"), [("active", "TryRestartUnit"), ("failed", "RestartUnit")]
)
async def test_start_limit_gets_one_reset_and_start(
    systemd: SystemdStandIn, edge: SystemdUnit, state: str, method: str
) -> None:
    """A unit that systemd will not start again so soon is reset once, and started."""
    systemd.active_state, systemd.results = state, deque(["limit", "done"])
    assert isinstance(await edge.restart(LOADING), RestartDone)
    assert systemd.calls == [method, "ResetFailedUnit", "StartUnit"]


async def test_start_limit_is_reset_only_once(
    systemd: SystemdStandIn, edge: SystemdUnit, seen: Sightings
) -> None:
    """If that start fails as well, it has failed."""
    systemd.results = deque(["limit", "limit"])
    failed = await edge.restart(LOADING)
    assert isinstance(failed, RestartFailed)
    assert systemd.calls == ["TryRestartUnit", "ResetFailedUnit", "StartUnit"]
    seen("systemd-start-limit", "reset and started once, and then it has failed", failed.error)


async def test_a_start_that_was_tried_is_not_tried_again(
    systemd: SystemdStandIn, edge: SystemdUnit
) -> None:
    """An Edge that came up and fell is for the core to decide about, within its budget."""
    systemd.results = deque(["failed"])
    assert isinstance(await edge.restart(LOADING), RestartFailed)
    assert systemd.calls == ["TryRestartUnit"]


async def test_a_bus_lost_during_the_job_ends_the_wait(socket: Path) -> None:
    """The restart does not sit out its whole deadline for an answer that cannot come."""
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(message_bus(socket))
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, a message bus lost during a restart: {error}")
        systemd = SystemdStandIn(NAME, results=deque(["never"]))
        await stack.enter_async_context(systemd.serving(address))
        edge = SystemdUnit(NAME, bus_address=address, job_deadline=60)
        restart = asyncio.create_task(edge.restart(LOADING))
        await systemd.job_enqueued.wait()
    async with asyncio.timeout(5):
        under_way = await restart
    assert under_way == RestartUnderWay(LOADING)  # systemd goes on with it


async def test_cancellation_leaves_nothing_open(systemd: SystemdStandIn, address: str) -> None:
    """SIGTERM in the middle of a restart closes the connection and ends at once."""
    systemd.results = deque(["never"])
    before = _descriptors()
    edge = SystemdUnit(NAME, bus_address=address, job_deadline=60)
    restart = asyncio.create_task(edge.restart(LOADING))
    await systemd.job_enqueued.wait()
    restart.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restart
    await asyncio.sleep(0)  # the loop sees the socket shut down
    assert _descriptors() == before
