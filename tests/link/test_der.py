"""Cutting the public key out of a certificate survives any bytes."""

from hypothesis import given
from hypothesis import strategies as st

from edgepind.lab.pki import Authority
from edgepind.observe.der import encode, issuer_and_subject, public_key_info

_LEAF = Authority.root("Root").leaf(["edge.test"]).certificate


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(junk: bytes) -> None:
    """Bytes that are no certificate have no public key and no names, and raise nothing."""
    assert public_key_info(junk) is None or len(junk) > 10
    assert issuer_and_subject(junk) is None or len(junk) > 10


@given(st.integers(0, len(_LEAF) - 1), st.integers(0, 255))
def test_a_damaged_certificate_gives_an_answer(at: int, octet: int) -> None:
    """One wrong octet anywhere raises nothing."""
    damaged = _LEAF[:at] + bytes([octet]) + _LEAF[at + 1 :]
    public_key_info(damaged)
    issuer_and_subject(damaged)


@given(st.integers(0, len(_LEAF) - 1))
def test_a_truncated_certificate_has_no_key(length: int) -> None:
    """A certificate that ends early is not read beyond its end."""
    assert public_key_info(_LEAF[:length]) is None


def test_lengths_are_written_as_short_as_can_be() -> None:
    """DER: one octet below 128, then a count of length octets (X.690, section 8.1.3)."""
    assert encode(0x04, bytes(127))[:2] == b"\x04\x7f"
    assert encode(0x04, bytes(128))[:3] == b"\x04\x81\x80"
    assert encode(0x04, bytes(256))[:4] == b"\x04\x82\x01\x00"
