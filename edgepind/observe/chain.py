"""Judging a chain: which roots it reaches, and when.

The host's clock only chooses among several paths; whether a path holds is asked of its `window`
by whoever knows the time.
"""

from collections.abc import Sequence
from datetime import datetime

from edgepind.model.observation import Chain
from edgepind.observe.openssl_path import NoPath, TrustPath, find_path
from edgepind.observe.trust_roots import RootsUnusable, TrustRoots


def judge_chain(chain: Sequence[bytes], roots: TrustRoots | RootsUnusable, wall: datetime) -> Chain:
    """Hold a chain (DER, the leaf first) against `roots`; never raises, whatever it is.

    OpenSSL's path is taken where it holds at `wall`. Otherwise a second builder looks for one
    that does, and for one that holds at any time where OpenSSL sees none.
    """
    if isinstance(roots, RootsUnusable):
        return Chain(window=None, problem=f"it cannot be judged: {roots.error}")
    anchors = roots.anchors_for(chain)
    first = find_path(chain, anchors, partial=roots.partial)
    if isinstance(first, TrustPath) and first.window.holds_at(wall):
        return Chain(first.window, first.issuers)
    second = _second_search(chain, anchors, wall) if anchors else None
    if second is not None and (isinstance(first, NoPath) or second.window.holds_at(wall)):
        objection = _objection(chain, anchors, first, partial=roots.partial)
        return Chain(second.window, second.issuers, objection, objection is not None)
    if isinstance(first, NoPath):
        return Chain(window=None, problem=first.reason)
    return Chain(first.window, first.issuers)


def _objection(
    chain: Sequence[bytes], anchors: Sequence[bytes], first: TrustPath | NoPath, *, partial: bool
) -> str | None:
    """What OpenSSL has against a chain that the second builder found a path for, if anything."""
    if isinstance(first, TrustPath):
        first = find_path(chain, anchors, partial=partial, in_time=True)
    return f"OpenSSL alone finds no path: {first.reason}" if isinstance(first, NoPath) else None


def _second_search(
    chain: Sequence[bytes], anchors: Sequence[bytes], wall: datetime
) -> TrustPath | None:
    # It brings in `cryptography`, ten mebibytes that a link whose chain is right never needs.
    from edgepind.observe.path_builder import build_path  # noqa: PLC0415

    return build_path(chain, anchors, wall)
