"""The dates of the leaves that pins were seen with: what a forecast is made of.

A pin of a key may be seen with several leaves, one after the other or in turn; the one that lasts
longest is remembered, so that what is kept does not change from one look to the next. What only a
wider look shows no Edge is served, and dates nothing.
"""

from dataclasses import replace

from edgepind.core.tick import leaves_in
from edgepind.model.instants import Validity
from edgepind.model.observation import Link
from edgepind.model.pin import Pin
from edgepind.model.state import State


def note_dates(state: State, link: Link) -> State:
    """Remember for each pin whose leaf is served from when until when that leaf is valid."""
    pins = tuple(_dated(pin, link) for pin in state.pins)
    return state if pins == state.pins else replace(state, pins=pins)


def _dated(pin: Pin, link: Link) -> Pin:
    seen = [it.validity for it in leaves_in(link) if it.value(pin.kind) == pin.fingerprint]
    known = () if pin.validity is None else (pin.validity,)
    longest = max((*known, *seen), key=_lasts, default=None)
    return pin if longest == pin.validity else replace(pin, validity=longest)


def _lasts(validity: Validity) -> tuple[float, float]:
    return validity.not_after.timestamp(), validity.not_before.timestamp()
