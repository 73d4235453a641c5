"""What `probe` tells a person of a link that a test has looked at: the words of its own page.

No pins are at hand here, as on a host without settings.
"""

from collections.abc import Iterator
from datetime import datetime

from edgepind.cli.probe import Probe, probe_page
from edgepind.cli.render import Facts, Sentences, Tone, word
from edgepind.cli.stored_state import PinsAtHand
from edgepind.core.diagnosis import diagnose
from edgepind.core.messages import link_sentence
from edgepind.core.tick import Tick
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import AddressSeen, Link, NotServed, Observations, Served
from edgepind.model.rules import Rules
from edgepind.model.state import ClockJudgement
from edgepind.observe.link import Target


def as_probed(result: Served | NotServed, host: str, wall: datetime) -> str:
    """What is wrong with the leaf of the one address, line by line, and what to think of it.

    `wall` is the time at which it was looked at, by a clock that is right.
    """
    link = Link((AddressSeen("127.0.0.1:443", result),))
    moment = Moment(Monotonic(0.0), wall)
    seen = Observations(Rules(host, earliest=wall), link=link)
    tick = Tick(seen, moment, elapsed=0.0, clock=ClockJudgement(trusted=True))
    diagnosis = diagnose(link, (), tick, None)
    sentence = link_sentence(diagnosis.finding, tick)
    probe = Probe(Target(host), link, diagnosis, tick, PinsAtHand(), sentence)
    return " ".join(_said(probe))


def _said(probe: Probe) -> Iterator[str]:
    for block in probe_page(probe):
        if isinstance(block, Facts):
            lines = [(label, word(said)) for label, said in block.rows]
            yield from (f"{label}: {it.text};" for label, it in lines if it.tone is Tone.BAD)
        elif isinstance(block, Sentences):
            yield from (word(said).text for said in block.lines)
