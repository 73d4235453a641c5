"""The base64 notations, which tell apart what begins with a slash of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint

VALUES = st.binary(min_size=32, max_size=32) | st.binary(min_size=31, max_size=31).map(
    lambda it: b"\xfc" + it  # whose base64 begins with a slash
)


@given(VALUES, st.sampled_from(["sha256//", "sha256/", "SHA256/", " Sha256//"]))
def test_base64_is_read_as_curl_and_as_okhttp_write_it(octets: bytes, prefix: str) -> None:
    """Whether there is one slash before it or two."""
    encoded = Fingerprint(octets).base64.removeprefix("sha256//")
    assert parse_fingerprint(prefix + encoded) == Fingerprint(octets)


@pytest.mark.parametrize(
    "text", ["sha256/", "sha256//", "sha256///", "sha256/AAAA", "sha256/" + "A" * 44, "sha256/ÄÄ=="]
)
def test_what_is_not_32_octets_is_refused(text: str) -> None:
    """With one slash as with two."""
    assert isinstance(parse_fingerprint(text), RefusedFingerprint)
