"""Whether a pin is believed, why, and what would make it so."""

from collections.abc import Iterator, Mapping

from edgepind.core.sentences import span
from edgepind.core.standing import STANDING, Standing, has_standing
from edgepind.model.enums import Channel
from edgepind.model.pin import Pin

CHANNEL_TEXT: Mapping[Channel, str] = {
    Channel.PINNED: "pinned channel",
    Channel.WITHOUT_STANDING: "pinned channel without standing, which is not believed",
    Channel.UNPINNED: "unpinned channel, which is not believed",
    Channel.NONE: "no channel now",
}
"""What the last word of the status endpoint came over."""

_WITHOUT = "what is announced over its leaf is not believed, and no token is sent there"


def standing_for(pin: Pin, overlap: float) -> Iterator[str]:
    """What speaks for it; `overlap` as in `[pins]`, in seconds."""
    if not has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.AT_ONCE:
        why = f"its origin is {pin.origin}"
    elif pin.vouched:
        why = "one with standing named it, or it was the current pin when the state was lost"
    else:
        why = f"every address served it, and nothing else, for {span(overlap)}"
    yield f"it has standing, so that what is announced over its leaf is believed: {why}"


def standing_against(pin: Pin, overlap: float) -> Iterator[str]:
    """What speaks against it."""
    if has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.NEVER:
        yield f"it never has standing, for an inspecting CA issued it: {_WITHOUT}"
    else:
        yield f"it has no standing yet, for it was only ever found: {_WITHOUT}"


def standing_changes(pin: Pin, overlap: float) -> Iterator[str]:
    """What would give it standing."""
    if has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.EARNED:
        left = span(overlap - pin.tenure)
        yield f"served by every address, and nothing else by any, for {left} more, it has standing"
        yield "named by the status endpoint over a pin with standing, it has it at once"
    yield f"`edgepind pin add {pin.fingerprint}` gives it standing at once, if you know it"
