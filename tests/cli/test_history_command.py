"""`edgepind history`: the record of decisions, newest last."""

from typing import Any

from tests.support.small_site import Site

KEYS = {"at", "event", "severity", "message", "fingerprint", "finding", "posture"}


async def test_a_fresh_site_has_no_decisions(read: Any, ask: Any) -> None:
    """Nothing decided is an answer, too."""
    assert await read("history") == (0, {"decisions": []})
    answer = await ask("history")
    assert (answer.code, answer.output.count("\n")) == (0, 1)
    assert answer.errors == ""


async def test_decisions_are_in_order_and_limited_to_the_newest(steady: Site, read: Any) -> None:
    """Oldest first; `--limit` keeps the end."""
    code, history = await read("history")
    decisions = history["decisions"]
    events = [it["event"] for it in decisions]
    assert code == 0
    assert all(it.keys() == KEYS for it in decisions)
    assert [it["at"] for it in decisions] == sorted(it["at"] for it in decisions)
    assert events[0] == "started"
    assert events.index("pin_pending") < events.index("pin_activated") < len(events) - 1
    assert steady.daemon.running
    _, limited = await read("history", "--limit", "2")
    assert limited["decisions"] == decisions[-2:]


async def test_a_line_is_a_line(steady: Site, ask: Any, read: Any) -> None:
    """Piped, each decision is one line with its time, its event and its sentence."""
    assert steady.daemon.running
    answer = await ask("history")
    decisions = (await read("history"))[1]["decisions"]
    [decided] = [it for it in decisions if it["event"] == "restart_succeeded"]
    [line] = [it for it in answer.output.splitlines() if "restart_succeeded" in it]
    assert decided["message"] in line
    assert line.startswith(decided["at"].replace("T", " ")[:19])


async def test_a_record_that_may_not_be_read_is_exit_code_4(steady: Site, ask: Any) -> None:
    """The record is the daemon's own."""
    await steady.daemon.stop()
    (steady.state / "history.jsonl").chmod(0)
    answer = await ask("history", mortal=True)
    assert answer.code == 4
