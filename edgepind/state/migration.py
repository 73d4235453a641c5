"""Lifts a stored state that an earlier release wrote to what this one reads.

One step a schema, each on plain JSON values, so that no old class has to be kept. A step adds what
is new with the value that claims least, and takes back what is not believed any more.
"""

from collections.abc import Callable, Mapping
from typing import Any

from edgepind.state.codec import Misfit

OLDEST = 1
"""The oldest schema that can still be read."""

_Step = Callable[[dict[str, Any]], dict[str, Any]]


def migrate(state: Any, schema: int) -> Any:
    """Give a stored `state` of this `schema` as one of today's. Raises Misfit for one that is none.

    What is wrong with it otherwise is for the decoder to say.
    """
    for step in (_STEPS[it] for it in sorted(_STEPS) if it >= schema):
        try:
            state = step(state)
        except (KeyError, TypeError, AttributeError) as error:
            raise Misfit(f"a state of schema {schema} is not of its shape ({error!r})") from None
    return state


def _from_1(state: dict[str, Any]) -> dict[str, Any]:
    """0.1: no standing, no memory of what each address served or of what an operator removed.

    A server's wish to be left alone may have been a stranger's then, and is forgotten.
    """
    return {
        **state,
        "pins": [{**pin, "tenure": 0.0, "vouched": False} for pin in state["pins"]],
        "edge": _edge_from_1(state["edge"]),
        "status": {**state["status"], "told_to_wait": None},
        "removed": [],
        "served": [],
        "link_accepted": False,
        "violated": [],
    }


def _edge_from_1(edge: dict[str, Any]) -> dict[str, Any]:
    """What locks the Edge out is concluded anew from what was served."""
    kept = {key: value for key, value in edge.items() if key != "locked_out"}
    loaded = edge["loaded"]
    return {**kept, "wait_told": False, "may_be_off": bool(loaded) and not loaded["enabled"]}


def _from_2(state: dict[str, Any]) -> dict[str, Any]:
    """Before 0.2.0: the phases of a restart shared their fields."""
    edge = state["edge"]
    kept = {key: value for key, value in edge.items() if key not in _OF_ONE_PHASE}
    restart = _restart_from_2(edge)
    return {**state, "edge": {**kept, "watched_run": edge["settling_run"], "restart": restart}}


_OF_ONE_PHASE = frozenset(
    {
        *("phase", "owed_since", "failures", "not_before", "asked", "deferral_told"),
        *("settled", "settling_since", "settling_run", "seen_well", "wait_told"),
    }
)


def _restart_from_2(edge: dict[str, Any]) -> dict[str, Any]:
    """The phase with its own. Where nothing dates the debt, it counts as one from the boot."""
    phase, since = edge["phase"], edge["owed_since"] or 0.0
    if phase == "idle":
        return {"phase": phase}
    debt = {"since": since, **{key: edge[key] for key in ("failures", "not_before", "asked")}}
    if phase != "settling":
        return {"phase": phase, "debt": debt, "deferral_told": edge["deferral_told"]}
    watched = {key: edge[key] for key in ("settled", "seen_well", "wait_told")}
    return {"phase": phase, "debt": debt, "since": edge["settling_since"] or since, **watched}


def _from_3(state: dict[str, Any]) -> dict[str, Any]:
    """Before 0.2.0: one leaf an address, and less was kept of starts and chains."""
    return {
        **state,
        "edge": {
            **state["edge"],
            "starting": None,
            "on_disk": None,
            "write_error": None,
            "attributes_changed": False,
        },
        "served": [_served_from_3(it) for it in state["served"]],
        "status": {**state["status"], "ignored_told": []},
        "breaches": [],
        "changing_ca_told": False,
    }


def _served_from_3(served: dict[str, Any]) -> dict[str, Any]:
    leaf = {key: served[key] for key in ("certificate", "spki")}
    return {
        "address": served["address"],
        "leaves": [leaf],
        "in_turn": False,
        "silent_since": served["silent_since"],
    }


def _from_4(state: dict[str, Any]) -> dict[str, Any]:
    """0.2.0: nothing of the dates of leaves, of past rotations, a believed time or bundles."""
    return {
        **state,
        "pins": [{**pin, "validity": None, "not_after": None} for pin in state["pins"]],
        "rotations": [],
        "began": None,
        "upgrade": None,
        "bundle": {
            "accepted": {"serial": 0, "digest": ""},
            "issued_at": None,
            "expires": None,
            "source": "",
            "waiting": [],
            "refused": [],
            "told": [],
        },
    }


_STEPS: Mapping[int, _Step] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4}
"""By the schema that each of them reads."""
