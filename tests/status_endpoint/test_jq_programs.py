"""The operator's programs run in a child that can neither hang, nor exhaust, nor look around."""

import asyncio
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import jq
import pytest

import edgepind
from edgepind.observe.status_answer import Failed, JqPrograms, NoOutputs, Outputs

DEADLINE = 30.0
DEFAULTS = (
    ".certificateFingerprint",
    ".nextCertificateFingerprint // empty",
    ".rotationScheduledAt // empty",
)


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    """Whatever a test does, its child was reaped when it is over; those of others may live on."""
    before = _children()
    yield
    assert _children() <= before


async def one(program: str, document: object = None) -> Outputs | NoOutputs:
    """Run one program over one document."""
    return await JqPrograms((program,), DEADLINE).run(json.dumps(document))


async def test_the_default_programs_read_what_the_cloud_says() -> None:
    """Fields that are missing or null have no output under `// empty`."""
    programs = JqPrograms(DEFAULTS, DEADLINE)
    whole = {
        "certificateFingerprint": "AA",
        "nextCertificateFingerprint": "BB",
        "rotationScheduledAt": "2027-01-01T00:00:00Z",
    }
    assert await programs.run(json.dumps(whole)) == Outputs(
        (("AA",), ("BB",), (whole["rotationScheduledAt"],))
    )
    bare = {"certificateFingerprint": "AA", "nextCertificateFingerprint": None}
    assert await programs.run(json.dumps(bare)) == Outputs((("AA",), (), ()))
    assert await programs.run("{}") == Outputs(((None,), (), ()))


@pytest.mark.parametrize(
    ("program", "outputs"),
    [
        ("env", ({},)),
        ("$ENV", ({},)),
        ("$ENV.PATH", (None,)),
        ("input_filename", (None,)),
        ("inputs", ()),
        ("empty", ()),
        ("halt", ()),
        ("get_search_list", ([],)),
        ("repeat(1)", (1, 1)),
        ("range(1000000000)", (0, 1)),
        ('"\\u001b" | debug | stderr', ("\x1b",)),
    ],
)
async def test_a_program_sees_nothing_but_the_document(
    program: str, outputs: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No environment, no files, and of endless outputs two are enough."""
    monkeypatch.setenv("A_SECRET", "which no program may see")
    assert await one(program) == Outputs((outputs,))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("{", "does not compile"),
        ("nonsense", "does not compile"),
        ('include "passwd"; .', "does not compile"),
        ('import "/etc/passwd" as $p; $p', "does not compile"),
        ("error", "failed"),
        ('"x" | error', "failed: x"),
        ("input", "failed"),
        (".a.b", "failed"),
        ('[range(5000)] | map("x")', "longer than 4096"),
        ("[limit(9000; repeat(27))] | implode", "longer than 4096"),
    ],
)
async def test_a_program_that_fails_is_named_with_its_reason(program: str, reason: str) -> None:
    """The reason is one printable line, whatever the document holds."""
    outcome = await one(program, "\x1b[31m\n")
    assert isinstance(outcome, NoOutputs)
    assert outcome.program == 0
    assert reason in outcome.reason
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 200


@pytest.mark.parametrize(
    "program",
    [
        "[range(1e9)]",
        '"x" * 1000000000',
        "def f: [f]; f",
        "def f: f | f; f",
        "reduce range(1000000) as $i (null; [.])",
    ],
)
async def test_a_program_that_takes_too_much_memory_ends_alone(program: str) -> None:
    """The child dies of its own limit; what is told names the limit."""
    outcome = await one(program)
    assert isinstance(outcome, NoOutputs)
    assert "memory" in outcome.reason or "too deep" in outcome.reason, outcome.reason


async def test_an_endless_program_ends_and_the_loop_goes_on_meanwhile() -> None:
    """A program in jq holds the lock of the interpreter that it runs in: so that is never ours."""
    turns = 0

    async def spin() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    spinning = asyncio.create_task(spin())
    outcome = await one("last(repeat(1))")
    spinning.cancel()
    assert outcome == NoOutputs(
        "the jq programs used more than 2 s of processor time", lasting=True
    )
    assert turns > 1000


@pytest.mark.parametrize("bad", ["error", ".a.b", "{", "last(repeat(1))", '"x" * 1000000000'])
async def test_a_program_that_fails_takes_nothing_from_the_others(bad: str) -> None:
    """Also where it ends the child that they share, once they have run."""
    programs = JqPrograms((".a", ".a", bad), DEADLINE)
    outcome = await programs.run('{"a": "x"}')
    assert isinstance(outcome, Outputs)
    assert outcome.of[:2] == (("x",), ("x",))
    assert isinstance(outcome.of[2], Failed)


async def test_the_deadline_ends_what_the_limits_do_not() -> None:
    """A run that has not ended in time is killed and not remembered."""
    outcome = await JqPrograms(("last(repeat(1))",), 0.3).run("null")
    assert outcome == NoOutputs("the jq programs had not ended after 0.3 s")
    assert not outcome.lasting


async def test_cancellation_ends_a_run_at_once_and_leaves_no_child() -> None:
    """SIGTERM has two seconds for everything."""
    before = _children()
    running = asyncio.create_task(one("last(repeat(1))"))
    while _children() == before:  # noqa: ASYNC110  a fork is no event
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert _children() == before


async def test_an_unchanged_document_starts_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steady ticks cost no process, also where the answer is that a program fails."""
    good, bad = JqPrograms((".a",), DEADLINE), JqPrograms(("error",), DEADLINE)
    first, failed = await good.run('{"a": 1}'), await bad.run('"x"')
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert await good.run('{"a": 1}') == first == Outputs(((1,),))
    assert await bad.run('"x"') == failed
    changed = await good.run('{"a": 2}')
    assert isinstance(changed, NoOutputs)
    assert "could not be started" in changed.reason


async def test_what_was_the_machines_fault_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that could not be started says nothing about the document."""
    programs = JqPrograms((".a",), DEADLINE)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nonexistent")
        assert isinstance(await programs.run('{"a": 1}'), NoOutputs)
    assert await programs.run('{"a": 1}') == Outputs(((1,),))


async def test_the_child_finds_the_package_wherever_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `pip install --target` nothing but the daemon's own sys.path knows where it is."""
    shutil.copytree(Path(edgepind.__file__).parent, tmp_path / "edgepind")
    shutil.copy(jq.__file__, tmp_path)
    library = [path for path in sys.path if path.startswith(sys.base_prefix)]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *library])
    assert await one(".a", {"a": "found"}) == Outputs((("found",),))


async def test_where_jq_is_missing_that_is_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no fault of the document, so it is not remembered either."""
    library = [path for path in sys.path if path.startswith(sys.base_prefix)]
    here = str(Path(edgepind.__file__).parents[1])
    monkeypatch.setattr(sys, "path", [here, *library])
    outcome = await one(".a", {"a": 1})
    assert isinstance(outcome, NoOutputs)
    assert "jq cannot be loaded" in outcome.reason
    assert not outcome.lasting


async def test_the_largest_document_passes_through_the_pipes() -> None:
    """64 KiB do not fit into a pipe at once."""
    document = {"padding": "x" * 60_000, "a": "found"}
    assert await one(".a", document) == Outputs((("found",),))


def _children() -> set[str]:
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(children.read_text().split())
