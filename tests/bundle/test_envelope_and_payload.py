"""What is a bundle, to the last octet, and what is none."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edgepind.bundle.jws import LONGEST, NotABundle, signed_bundle
from edgepind.bundle.payload import HIGHEST_SERIAL, parse_payload, payload_of
from edgepind.bundle.verify import verified
from edgepind.model.bundle import Bundle, BundlePin, RefusedBundle, SignedBundle
from edgepind.model.enums import PinKind, Role
from edgepind.model.fingerprint import Fingerprint

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEYS = (OTHER.public_key(), KEY.public_key())
A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
BUNDLE = Bundle(
    host="acme.test",
    kind=PinKind.CERTIFICATE,
    pins=(BundlePin(A, Role.CURRENT), BundlePin(B, Role.BACKUP, NOON, NOON.replace(hour=14))),
    revoked=(Fingerprint(b"\xcc" * 32),),
    serial=7,
    issued_at=NOON,
    expires=NOON.replace(day=2),
)


def octets(value: Any) -> str:
    """Text or octets in base64url, without the padding (RFC 7515, section 2)."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jws(header: str, payload: bytes | None = None, key: Ed25519PrivateKey = KEY) -> dict[str, Any]:
    """A JWS with this header, honestly signed."""
    protected, body = octets(header), octets(payload or payload_of(BUNDLE))
    signature = key.sign(f"{protected}.{body}".encode())
    return {"payload": body, "protected": protected, "signature": octets(signature)}


def reason(content: bytes) -> str:
    """Why it is refused."""
    word = verified(content, KEYS, "folder")
    assert isinstance(word, RefusedBundle), word
    return word.reason


def test_what_is_signed_is_read_as_it_was_meant() -> None:
    """By any of the keys, and the digest is that of what was signed."""
    first, second = (
        verified(signed_bundle(payload_of(BUNDLE), key), KEYS, "url") for key in (KEY, OTHER)
    )
    assert first == second
    assert isinstance(first, SignedBundle)
    assert (first.bundle, first.source) == (BUNDLE, "url")


GOOD = '{"alg":"EdDSA","typ":"edgepind-bundle"}'


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","typ":"edgepind-bundle"}',
        '{"alg":"HS256","typ":"edgepind-bundle"}',
        '{"alg":"Ed25519","typ":"edgepind-bundle"}',
        '{"alg":"EdDSA"}',
        '{"alg":"EdDSA","typ":"JWT"}',
        '{"alg":"EdDSA","typ":"edgepind-bundle","crit":["b64"],"b64":false}',
        '{"alg":"EdDSA","typ":"edgepind-bundle","kid":"1"}',
        '{"alg":"none","alg":"EdDSA","typ":"edgepind-bundle"}',
        "[]",
        "",
    ],
)
def test_one_header_is_read_and_no_other(header: str) -> None:
    """Though it is honestly signed."""
    assert "protected header" in reason(json.dumps(jws(header)).encode())
    spaced = json.dumps(jws(GOOD.replace(",", ", "))).encode()
    assert isinstance(verified(spaced, KEYS, "url"), SignedBundle)


def test_another_key_signs_in_vain() -> None:
    """And so does nobody."""
    stranger = Ed25519PrivateKey.generate()
    assert "no key of bundle.keys" in reason(json.dumps(jws(GOOD, key=stranger)).encode())
    assert "no key" in reason(json.dumps({**jws(GOOD), "signature": ""}).encode())
    assert isinstance(verified(signed_bundle(payload_of(BUNDLE), KEY), (), "url"), RefusedBundle)


@pytest.mark.parametrize("name", ["payload", "protected", "signature"])
def test_base64url_has_one_spelling(name: str) -> None:
    """No padding, no other alphabet, no white space, and no bits that count for nothing."""
    value = jws(GOOD)[name]
    last = chr(ord(value[-1]) + 1)
    for text in (f"{value}=", f"{value[:5]}\n{value[5:]}", f"{value}+", f"{value}A==", 7, None):
        assert "canonical" in reason(json.dumps({**jws(GOOD), name: text}).encode())
    odd = {**jws(GOOD), name: value[:-1] + last}
    assert isinstance(verified(json.dumps(odd).encode(), KEYS, "url"), RefusedBundle)


def test_nothing_stands_beside_the_three_members() -> None:
    """An unprotected header, another signature, a member that is missing or stands there twice."""
    whole = jws(GOOD)
    for extra in ("header", "signatures"):
        more = json.dumps({**whole, extra: {}}).encode()
        assert "just payload, protected, signature" in reason(more)
    for name in whole:
        less = {key: value for key, value in whole.items() if key != name}
        assert "just payload" in reason(json.dumps(less).encode())
    twice = json.dumps(whole)[:-1] + f', "payload": "{whole["payload"]}"}}'
    assert "twice" in reason(twice.encode())
    assert "not a JWS" in reason(b"[]")
    assert "HTML" in reason(b"<html>")


def test_it_is_at_most_so_long() -> None:
    """One octet more, though it be white space, is too long."""
    content = signed_bundle(payload_of(BUNDLE), KEY)
    longest = content + b" " * (LONGEST - len(content))
    assert isinstance(verified(longest, KEYS, "url"), SignedBundle)
    assert "64 KiB" in reason(longest + b" ")


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_octet_is_believed(place: int, flip: int) -> None:
    """Unless it changes nothing but white space."""
    content = bytearray(signed_bundle(payload_of(BUNDLE), KEY))
    content[place % len(content)] ^= flip
    word = verified(bytes(content), KEYS, "url")
    assert isinstance(word, RefusedBundle) or word.bundle == BUNDLE


@given(st.binary(max_size=200))
def test_nothing_raises(content: bytes) -> None:
    """Whatever comes, and whatever is honestly signed."""
    assert isinstance(verified(content, KEYS, "url"), RefusedBundle)
    assert verified(signed_bundle(content, KEY), KEYS, "url").source == "url"


# --- the payload --------------------------------------------------------------------------------


def changed(**members: Any) -> NotABundle | Bundle:
    """The payload with these members; `...` takes one out."""
    value = {**json.loads(payload_of(BUNDLE)), **members}
    left = {key: it for key, it in value.items() if it is not ...}
    return parse_payload(json.dumps(left).encode())


PIN = {"fingerprint": str(A), "role": "backup"}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"host": ...}, "lacks host"),
        ({"host": ""}, "host"),
        ({"host": None}, "host"),
        ({"kind": "sha1"}, "kind is none of"),
        ({"kind": None}, "kind is none of"),
        ({"serial": 0}, "serial"),
        ({"serial": True}, "serial"),
        ({"serial": 7.0}, "serial"),
        ({"serial": "7"}, "serial"),
        ({"serial": HIGHEST_SERIAL + 1}, "serial"),
        ({"issued_at": "2027-01-01"}, "issued_at"),
        ({"issued_at": 1_800_000_000}, "issued_at"),
        ({"expires": "2027-01-01T12:00:00Z"}, "expires before"),
        ({"expires": ...}, "lacks expires"),
        ({"surprise": 1}, "unknown key"),
        ({"pins": {}}, "pins is not a list"),
        ({"pins": [PIN] * 33}, "more than 32"),
        ({"pins": ["AA"]}, "pins[0] is not an object"),
        ({"pins": [{**PIN, "role": "retiring"}]}, "role is none of"),
        ({"pins": [{"fingerprint": str(A)}]}, "lacks role"),
        ({"pins": [{**PIN, "algorithm": "SHA1"}]}, "unknown key"),
        ({"pins": [{**PIN, "fingerprint": "aa" * 20}]}, "SHA-1"),
        ({"pins": [{**PIN, "fingerprint": "aa" * 16}]}, "MD5"),
        ({"pins": [{**PIN, "fingerprint": None}]}, "null"),
        ({"pins": [{**PIN, "not_before": "soon"}]}, "not_before"),
        (
            {
                "pins": [
                    {
                        **PIN,
                        "not_before": "2027-01-02T00:00:00Z",
                        "not_after": "2027-01-01T00:00:00Z",
                    }
                ]
            },
            "ends before it begins",
        ),
        ({"pins": [PIN, PIN]}, "twice"),
        ({"pins": [PIN], "revoked": [str(A).lower()]}, "twice"),
        ({"revoked": ["aa"]}, "revoked[0]"),
        (
            {"pins": [{**PIN, "role": "current"}, {"fingerprint": str(B), "role": "current"}]},
            "more than one current",
        ),
    ],
)
def test_what_a_payload_may_not_say(members: dict[str, Any], why: str) -> None:
    """Each is refused whole, and names what is wrong."""
    refused = changed(**members)
    assert isinstance(refused, NotABundle)
    assert why in refused.reason


def test_what_may_be_left_out() -> None:
    """`revoked`, and the times of a pin, which may be null as well."""
    read = changed(revoked=..., pins=[{**PIN, "not_before": None}])
    assert isinstance(read, Bundle)
    assert (read.revoked, read.pins) == ((), (BundlePin(A, Role.BACKUP),))
    assert isinstance(parse_payload(b"[]"), NotABundle)
    assert isinstance(parse_payload(b"{"), NotABundle)
