"""How pins enter and leave the pin set; the table itself is held by `test_tables_whole`."""

from dataclasses import replace

from edgepind.core.pin_lifecycle import PinEvent, leave, put
from edgepind.lab.sim_observations import fingerprint
from edgepind.model.enums import PinKind, Role
from tests.core.situations import BACKUP, CURRENT, A, B, pin

GONE = pin("b", Role.RETIRING)


def test_only_so_many_retired_pins_are_remembered() -> None:
    """The oldest is forgotten first; one that is retired again is the newest."""
    others = tuple(fingerprint(f"other {n}") for n in range(64))
    _, retired = leave((GONE,), others, GONE, PinEvent.OVERLAP_OVER)
    assert retired == (*others[1:], B)
    _, retired = leave((GONE,), (B, A), GONE, PinEvent.OVERLAP_OVER)
    assert retired == (A, B)
    pins, retired = leave((BACKUP, CURRENT), (A,), BACKUP, PinEvent.REPLACED)
    assert (pins, retired) == ((CURRENT,), (A,))


def test_a_pin_is_put_in_its_own_place_or_at_the_end() -> None:
    """Its place is that of the same value in the same kind."""
    changed = replace(CURRENT, proven=False)
    assert put((CURRENT, BACKUP), changed) == (changed, BACKUP)
    twin = replace(CURRENT, kind=PinKind.SPKI)
    assert put((CURRENT, BACKUP), twin) == (CURRENT, BACKUP, twin)
