"""Ways through webs of CAs: each that there is gets found, and none that there is not."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import AuthorityKeyIdentifier, SubjectKeyIdentifier

from edgepind.model.observation import Chain
from edgepind.observe.chain import judge_chain
from edgepind.observe.trust_roots import TrustRoots
from tests.support.chains.forge import Certified, Form, authority, leaf, new_key, root
from tests.support.chains.graphs import BRIDGE, END, LINE, MESH, TWO_TOPS, Edge, Void, Web, sent

NOW = datetime.now(UTC).replace(microsecond=0)
Case = tuple[Web, str, tuple[Edge, ...], Void]


def _cases() -> Iterator[Case]:
    """Every web from every anchor, with each reason to turn back where one can be met."""
    yield LINE, "Top", (), Void.EXPIRED
    yield TWO_TOPS, "One", (), Void.EXPIRED
    yield TWO_TOPS, "Two", (), Void.EXPIRED
    yield MESH, "Top", (), Void.EXPIRED
    cas = [it for it in MESH.edges if it[1] != END]
    voids: list[tuple[Edge, ...]] = [*combinations(cas, 1), *combinations(cas, 2)]
    for reason in Void:
        yield LINE, "Top", (("Top", "ICA"),), reason
        for void in voids:
            yield MESH, "Top", void, reason
    for anchor in ("W", "X", "Y", "Z", "Bridge"):
        yield BRIDGE, anchor, (), Void.EXPIRED
        for reason in Void:
            for edge in (("Bridge", "X"), ("L", "N"), (anchor, "Bridge"), ("X", "Bridge")):
                yield BRIDGE, anchor, (edge,), reason


def _judged(anchor: Certified, chain: Sequence[Certified]) -> Chain:
    roots = TrustRoots.of("test", [anchor.der])
    return judge_chain([it.der for it in chain], roots, NOW)


@pytest.mark.parametrize("identified", [True, False], ids=["key identifiers", "names alone"])
@pytest.mark.parametrize("order", ["as drawn", "reversed", "shuffled"])
def test_a_way_is_found_just_where_there_is_one(identified: bool, order: str) -> None:  # noqa: FBT001  a column
    """Loops, dead ends and void certificates, in whichever order they are sent."""
    wrong = []
    for number, (web, anchor, void, reason) in enumerate(_cases()):
        top, (end, *others) = sent(web, anchor, void, reason, NOW, identified=identified)
        if order == "reversed":
            others.reverse()
        elif order == "shuffled":
            Random(number).shuffle(others)  # noqa: S311  an order, no secret
        chain = _judged(top, (end, *others))
        if chain.holds_at(NOW) is not web.leads(anchor, void):
            wrong.append((web.name, anchor, void, reason, chain.problem))
    assert not wrong, f"{len(wrong)} wrong, such as {wrong[:3]}"


def test_a_web_made_to_keep_a_judge_busy_does_not() -> None:
    """As much as a handshake may carry, all of one name, with keys that take longest to check."""
    webs = {
        "one CA over and over": _alike(ec.SECP256R1(), keys=1),
        "as many CAs as certificates": _alike(ec.SECP256R1(), keys=250),
        "slow signatures": _alike(ec.SECP521R1(), keys=150),
        "eight that all certify each other": _all_of_each_other(8)[1],
        "sixteen that all certify each other": _all_of_each_other(16)[1],
    }
    for name, chain in webs.items():
        begun = time.process_time()
        assert _judged(root("CA 0"), chain).window is None
        took = time.process_time() - begun
        assert took < 1, f"{name}: {took:.2f} s"


def _alike(curve: ec.EllipticCurve, keys: int) -> list[Certified]:
    bare = Form(without=(SubjectKeyIdentifier, AuthorityKeyIdentifier))
    made = [replace(bare, key=ec.generate_private_key(curve)) for _ in range(keys)]
    cas = [root("CA 0", it) for it in made]
    steps = [authority(cas[(n - 1) % keys], "CA 0", made[n % keys]) for n in range(250)]
    return [leaf(cas[-1], form=bare), *steps]


def _all_of_each_other(many: int) -> tuple[list[Certified], list[Certified]]:
    cas = [root(f"CA {n}", Form(new_key())) for n in range(many)]
    pairs = ((above, below) for above in cas for below in cas if below is not above)
    steps = [authority(above, below.subject, Form(below.key)) for above, below in pairs]
    return cas, [leaf(cas[-1]), *steps]


def test_a_known_root_is_found_in_a_web_of_all_with_all() -> None:
    """240 certificates, nearly as many ways round as there are orders of sixteen, and one out."""
    cas, chain = _all_of_each_other(16)
    top = root("Top")
    assert _judged(top, chain).window is None
    way_out = authority(top, cas[7].subject, Form(cas[7].key))
    assert _judged(top, (*chain, way_out)).holds_at(NOW)
