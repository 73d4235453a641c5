"""What the fuzzer kept is read again at each run of the tests, and bent a little further."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.fuzz.targets import TARGETS

_CORPUS = Path(__file__).parent / "corpus"
_KEPT = {target: sorted((_CORPUS / target).iterdir()) for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_every_kept_input_is_read_or_refused(target: str) -> None:
    """No exception gets out, refusals have reasons, and two readers agree."""
    assert _KEPT[target], "a target without a corpus was never fuzzed"
    for path in _KEPT[target]:
        TARGETS[target](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
def test_what_is_cut_joined_or_altered_is_read_or_refused(target: str, data: st.DataObject) -> None:
    """The same for the kept inputs with one end cut off, another put on, and an octet altered."""
    heads = data.draw(st.sampled_from(_KEPT[target])).read_bytes()
    tails = data.draw(st.sampled_from(_KEPT[target])).read_bytes()
    octets = bytearray(
        heads[: data.draw(st.integers(0, len(heads)))]
        + tails[data.draw(st.integers(0, len(tails))) :]
    )
    if octets:
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    TARGETS[target](bytes(octets))


def test_nothing_lies_in_the_corpus_that_no_target_reads() -> None:
    """A target that was renamed takes its corpus along."""
    assert {it.name for it in _CORPUS.iterdir()} == set(TARGETS)
