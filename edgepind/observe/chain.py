"""Judging a chain: which roots it reaches, and when.

OpenSSL, by which the Edge judges, has the last word on every path; a second builder only proposes
some that OpenSSL's search walks past. The host's clock only chooses among several paths; whether
a path holds is asked of its `window` by whoever knows the time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from edgepind.model.observation import Chain
from edgepind.observe.der import self_issued
from edgepind.observe.openssl_path import NoPath, TrustPath, find_path
from edgepind.observe.trust_roots import RootsUnusable, TrustRoots


def judge_chain(chain: Sequence[bytes], roots: TrustRoots | RootsUnusable, wall: datetime) -> Chain:
    """Hold a chain (DER, the leaf first) against `roots`; never raises, whatever it is.

    Taken is the first path that holds at `wall`: OpenSSL's by the host's clock, OpenSSL's
    whatever the time, or one that the second builder proposes and OpenSSL then takes. Where none
    holds at `wall`, it is the first of them that holds at any time.
    """
    if isinstance(roots, RootsUnusable):
        return Chain(window=None, problem=f"it cannot be judged: {roots.error}")
    anchors = roots.anchors_for(chain)
    by_clock = find_path(chain, anchors, partial=roots.partial, in_time=True)
    if isinstance(by_clock, TrustPath) and by_clock.window.holds_at(wall):
        return Chain(by_clock.window, by_clock.issuers)
    any_time = find_path(chain, anchors, partial=roots.partial)
    if isinstance(any_time, TrustPath) and any_time.window.holds_at(wall):
        return Chain(any_time.window, any_time.issuers)
    for path in _proposals(chain, anchors, wall, partial=roots.partial):
        if isinstance(any_time, NoPath) or path.window.holds_at(wall):
            return _against(path, any_time if isinstance(any_time, NoPath) else by_clock)
    if isinstance(any_time, NoPath):
        return Chain(window=None, problem=any_time.reason)
    return Chain(any_time.window, any_time.issuers)


def _against(path: TrustPath, openssl: TrustPath | NoPath) -> Chain:
    """A path, and what OpenSSL's own search said of the chain that it is in."""
    if isinstance(openssl, TrustPath):
        return Chain(path.window, path.issuers)
    objection = f"OpenSSL alone finds no path: {openssl.reason}"
    return Chain(path.window, path.issuers, objection, openssl_differs=True)


def _proposals(
    chain: Sequence[bytes], anchors: Sequence[bytes], wall: datetime, *, partial: bool
) -> Iterator[TrustPath]:
    """Paths of the second builder, each of which OpenSSL takes when it is shown nothing else."""
    ends = [it for it in anchors if partial or self_issued(it)]
    if not ends:
        return
    # It brings in `cryptography`, ten mebibytes that a link whose chain is right never needs.
    from edgepind.observe.path_builder import paths  # noqa: PLC0415

    steps = [*chain[1:], *(it for it in anchors if it not in ends)]
    for path in paths(chain[0], steps, ends, wall):
        straight = find_path(path[:-1], path[-1:], partial=partial)
        if isinstance(straight, TrustPath):
            yield straight
