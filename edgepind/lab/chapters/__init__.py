"""The story: every chapter, in the order in which it is told."""

from edgepind.lab.chapter import Chapter
from edgepind.lab.chapters.answers import STATUS_ANSWERS
from edgepind.lab.chapters.appliance import KILLED, SOFTWARE_UPDATE, WRONG_CLOCK
from edgepind.lab.chapters.lockouts import FAIL_OPEN, HOLD_DOWN
from edgepind.lab.chapters.operator import OVERRIDE
from edgepind.lab.chapters.path import INSPECTING_PROXY, MAN_IN_THE_MIDDLE
from edgepind.lab.chapters.rotations import ANNOUNCED, BOOTSTRAP, ROLLING

STORY: tuple[Chapter, ...] = (
    BOOTSTRAP,
    ANNOUNCED,
    ROLLING,
    HOLD_DOWN,
    FAIL_OPEN,
    INSPECTING_PROXY,
    MAN_IN_THE_MIDDLE,
    STATUS_ANSWERS,
    WRONG_CLOCK,
    SOFTWARE_UPDATE,
    KILLED,
    OVERRIDE,
)
