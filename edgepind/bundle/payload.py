"""What a bundle says, read strictly, and written for `bundle make`.

Every key is known, every value of its kind, each fingerprint is named once. Fingerprints that
CONTRACT section 1 refuses are refused here as everywhere.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edgepind.bundle.jws import NotABundle
from edgepind.formats import RefusedJson, foreign_text, parse_json, parse_rfc3339, rfc3339
from edgepind.model.bundle import MOST_PINS, Bundle, BundlePin
from edgepind.model.enums import PinKind, Role
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint

HIGHEST_SERIAL = 2**53 - 1
"""The highest whole number that every reader of JSON takes alike (RFC 7493, section 2.2)."""

_LONGEST_HOST = 253
_NEEDED = frozenset({"host", "kind", "pins", "serial", "issued_at", "expires"})
_KNOWN = _NEEDED | {"revoked"}
_PIN_NEEDED = frozenset({"fingerprint", "role"})
_PIN_KNOWN = _PIN_NEEDED | {"not_before", "not_after"}
_ROLES = (Role.CURRENT.value, Role.BACKUP.value)


class _Refusal(Exception):  # noqa: N818 - carries a clause to `parse_payload`
    pass


def digest_of(payload: bytes) -> str:
    """What tells one bundle from another, whoever signed it."""
    return hashlib.sha256(payload).hexdigest()


def parse_payload(payload: bytes) -> Bundle | NotABundle:
    """Read what a bundle says. Never raises, whatever it is."""
    parsed = parse_json(payload)
    if isinstance(parsed, RefusedJson):
        return NotABundle(f"of its payload, {parsed.reason}")
    try:
        return _bundle(parsed.value)
    except _Refusal as refusal:
        return NotABundle(str(refusal))


def payload_of(bundle: Bundle) -> bytes:
    """Write it; `parse_payload` reads the same."""
    value = {
        "host": bundle.host,
        "kind": bundle.kind.value,
        "pins": [_written(pin) for pin in bundle.pins],
        "revoked": [str(it) for it in bundle.revoked],
        "serial": bundle.serial,
        "issued_at": rfc3339(bundle.issued_at),
        "expires": rfc3339(bundle.expires),
    }
    return json.dumps(value, indent=1).encode()


def _written(pin: BundlePin) -> dict[str, str]:
    times = {"not_before": pin.not_before, "not_after": pin.not_after}
    named = {"fingerprint": str(pin.fingerprint), "role": pin.role.value}
    return named | {name: rfc3339(when) for name, when in times.items() if when is not None}


def _bundle(value: Any) -> Bundle:
    members = _members(value, "the payload", _NEEDED, _KNOWN)
    bundle = Bundle(
        host=_host(members["host"]),
        kind=PinKind(_one_of(members["kind"], "kind", tuple(PinKind))),
        pins=tuple(_pin(it, n) for n, it in enumerate(_list(members["pins"], "pins"))),
        revoked=tuple(
            _fingerprint(it, f"revoked[{n}]")
            for n, it in enumerate(_list(members.get("revoked", []), "revoked"))
        ),
        serial=_serial(members["serial"]),
        issued_at=_time(members["issued_at"], "issued_at"),
        expires=_time(members["expires"], "expires"),
    )
    if bundle.expires <= bundle.issued_at:
        raise _Refusal("it expires before it is issued")
    named = [*(pin.fingerprint for pin in bundle.pins), *bundle.revoked]
    if len(set(named)) != len(named):
        raise _Refusal("it names a fingerprint twice")
    if sum(pin.role is Role.CURRENT for pin in bundle.pins) > 1:
        raise _Refusal("it names more than one current pin")
    return bundle


def _members(
    value: Any, what: str, needed: frozenset[str], known: frozenset[str]
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Refusal(f"{what} is not an object")
    if missing := needed - value.keys():
        raise _Refusal(f"{what} lacks {min(missing)}")
    if unknown := value.keys() - known:
        raise _Refusal(f"{what} has the unknown key {foreign_text(min(unknown))!r}")
    return value


def _host(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_HOST:
        raise _Refusal("its host is not a name")
    return foreign_text(value, _LONGEST_HOST)


def _one_of(value: Any, name: str, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise _Refusal(f"{name} is none of {', '.join(words)}")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Refusal(f"{name} is not a list")
    if len(value) > MOST_PINS:
        raise _Refusal(f"{name} holds more than {MOST_PINS}")
    return value


def _pin(value: Any, number: int) -> BundlePin:
    name = f"pins[{number}]"
    members = _members(value, name, _PIN_NEEDED, _PIN_KNOWN)
    begins, ends = (
        None if members.get(it) is None else _time(members[it], f"{name}.{it}")
        for it in ("not_before", "not_after")
    )
    if begins is not None and ends is not None and ends <= begins:
        raise _Refusal(f"{name} ends before it begins")
    role = Role(_one_of(members["role"], f"{name}.role", _ROLES))
    return BundlePin(_fingerprint(members["fingerprint"], name), role, begins, ends)


def _fingerprint(value: Any, name: str) -> Fingerprint:
    fingerprint = parse_fingerprint(value)
    if isinstance(fingerprint, RefusedFingerprint):
        raise _Refusal(f"{name} is no fingerprint: {fingerprint.reason}")
    return fingerprint


def _serial(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= HIGHEST_SERIAL:
        raise _Refusal(f"serial is not a whole number from 1 to {HIGHEST_SERIAL}")
    return value


def _time(value: Any, name: str) -> datetime:
    instant = parse_rfc3339(value)
    if instant is None:
        raise _Refusal(f"{name} is no time as of RFC 3339")
    return instant
