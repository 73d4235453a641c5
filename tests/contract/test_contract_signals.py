"""Section 10: signals at the worst moment, and two commands at the same time."""

import asyncio
import json
import signal
from typing import Any

from tests.support.blackbox import install_current, poke, roles, until_status
from tests.support.small_site import Site

SLOW_START = """
import pathlib, sys, time
import edgepind.components
build = edgepind.components.set_up_log
def slowly(*args, **kwargs):
    pathlib.Path({began!r}).touch()
    while not pathlib.Path({free!r}).exists():
        time.sleep(0.01)
    build(*args, **kwargs)
edgepind.components.set_up_log = slowly
from edgepind.__main__ import main
sys.exit(main(["run", *sys.argv[1:]]))
"""


async def test_signals_before_the_first_tick_are_heard(site: Site) -> None:
    """Whoever sees that a daemon runs may send it a signal: none but SIGTERM ends it."""
    install_current(site)
    began, free = site.folder / "began", site.folder / "free"
    entry = site.folder / "slow_start.py"
    entry.write_text(SLOW_START.format(began=str(began), free=str(free)))
    await site.daemon.start(run=(str(entry),))
    await site.until(began.exists, "the start to be under way")
    poke(site, signal.SIGUSR1)
    poke(site, signal.SIGHUP)
    free.touch()
    await until_status(site, finding="pinned")
    await site.until_event("reloaded")
    free.unlink()
    began.unlink()
    assert await site.daemon.stop() == 0
    await site.daemon.start(run=(str(entry),))
    await site.until(began.exists, "the next start to be under way")
    poke(site, signal.SIGTERM)
    free.touch()
    assert await site.daemon.wait() == 0
    assert site.events()[-1] == "stopping"


async def test_words_given_at_the_same_time_are_all_obeyed(site: Site, ask: Any) -> None:
    """Several `pin add` at once, without a daemon: none is lost, none ends another."""
    install_current(site)
    words = [":".join([f"{octet:02X}"] * 32) for octet in range(0xA0, 0xA4)]
    answers = await asyncio.gather(*(ask("pin", "add", word) for word in words))
    assert [answer.code for answer in answers] == [0] * len(words), answers
    listed = json.loads((await ask("pin", "list", "--json")).output)["pins"]
    assert {pin["fingerprint"] for pin in listed} >= set(words)
    assert set(site.pinning()["fingerprints"]) >= set(words)


async def test_a_rain_of_signals_changes_nothing(site: Site) -> None:
    """SIGHUP and SIGUSR1 by the dozen, in the middle of ticks: it goes on, and ends well."""
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    ticks = site.daemon.status()["ticks"]
    for _ in range(40):
        poke(site, signal.SIGHUP)
        poke(site, signal.SIGUSR1)
        await asyncio.sleep(0)
    await site.until(lambda: site.daemon.status()["ticks"] >= ticks + 3, "ticks after the rain")
    assert roles(site) == {str(site.cloud.status.current): "current"}
    assert site.restarts() == 0
    assert await site.daemon.stop() == 0
