"""Everything that reads what somebody outside wrote, each as one call on octets.

A target returns where the octets were read or refused as they should be, and raises where a
parser let an exception out, gave a refusal without a reason, or two readers of one thing did not
agree. It must be quick and keep nothing: a fuzzer calls it millions of times.
"""

import base64
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jq
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edgepind.effects.helper_protocol import (
    NoAnswer,
    RequestRefused,
    encode_answer,
    encode_request,
    parse_answer,
    parse_request,
)
from edgepind.effects.pinning_text import (
    SECTION,
    EditRefused,
    PinningText,
    edit_pinning,
    parse_pinning_text,
    read_edge_tls,
    read_pinning,
)
from edgepind.formats import ParsedJson, RefusedJson, parse_json
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    DocumentRejected,
    OverrideFile,
    OverrideRejected,
    StatusAnswer,
    StatusRejected,
)
from edgepind.observe.chain import Judge
from edgepind.observe.clock_quality import read_tracking
from edgepind.observe.der import issuer_and_subject, public_key_info
from edgepind.observe.http_fields import date_reading, http_date, retry_after, usable_tag
from edgepind.observe.status_answer import Outputs, read_answer
from edgepind.observe.tls_settings import edge_context, read_offer
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.operator.override_file import read_override
from edgepind.operator.pin_commands import parse_word
from edgepind.settings.load import SettingsFault, judge, parse_toml
from edgepind.settings.schema import Settings
from edgepind.state.envelope import Broken, Opened, open_state, seal_state

WALL = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = Moment(Monotonic(86_400.0), WALL)
PIN = Fingerprint(bytes(range(32)))

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")
_PROGRAMS = (".certificateFingerprint", ".nextCertificateFingerprint // empty")


class DisagreementError(AssertionError):
    """Two readers of one thing say different things of it."""


def _agree(one: object, other: object, what: str) -> None:
    if one != other:
        raise DisagreementError(f"{what}: {one!r} against {other!r}")


def _reasoned(reason: str) -> None:
    """A refusal without a reason helps nobody; one of several lines would forge a log."""
    if not reason.strip() or "\n" in reason:
        raise DisagreementError(f"this is no reason for a person: {reason!r}")


def fingerprint(octets: bytes) -> None:
    """Text in any notation; the second reader looks for the digits alone."""
    text = octets.decode("utf-8", "surrogateescape")  # as JSON may smuggle one in
    parsed = parse_fingerprint(text)
    _agree(parsed.octets if isinstance(parsed, Fingerprint) else None, _digits(text), "octets")
    if isinstance(parsed, RefusedFingerprint):
        _reasoned(parsed.reason)
    else:
        _agree(parse_fingerprint(str(parsed)), parsed, "what it is shown as")
        _agree(parse_fingerprint(parsed.base64), parsed, "what it is shown as in base64")


def _digits(text: str) -> bytes | None:
    bare = text.strip()
    if bare[:7].lower() == "sha256/":
        encoded = bare[7:] if len(bare) == len("sha256/") + 44 else bare[7:].removeprefix("/")
        if not _BASE64.fullmatch(encoded):
            return None
        return base64.b64decode(encoded)
    bare = re.sub(r"(?i)^sha-?256(\s+fingerprint\s*=|:)\s*", "", bare, count=1)
    return bytes.fromhex(bare.replace(":", "")) if _HEX.fullmatch(bare) else None


def settings(octets: bytes) -> None:
    """The settings file; what is wrong is said key by key, each with a remedy."""
    document = parse_toml(octets)
    if isinstance(document, SettingsFault):
        _reasoned(document.reason)
        return
    judged = judge(document, {})
    if isinstance(judged, Settings):
        _agree(judge(document, {}), judged, "the same file read twice")
        return
    for fault in judged:
        _reasoned(fault.reason)
        _reasoned(fault.remedy)


def pinning_config(octets: bytes) -> None:
    """The pinning config, by our reader and by Python's; then with pins put into it."""
    text = parse_pinning_text(octets)
    if isinstance(text, DocumentRejected):
        _reasoned(text.reason)
        return
    kind = json.loads(text.text)
    found = read_pinning(text, octets, WALL, attributes_right=True)
    edge_context(read_offer(read_edge_tls(text)))
    section = kind.get(SECTION, {})
    _agree(found.accepted, _accepted(section), "the pins in it")
    edited = edit_pinning(text, Pinning(enabled=True, current=PIN, accepted=(PIN,)))
    if isinstance(edited, EditRefused):
        raise DisagreementError(edited.reason)
    _after_the_edit(edited, kind, section)


def _accepted(section: dict[str, Any]) -> tuple[Fingerprint, ...]:
    algorithm = section.get("algorithm", "SHA256")
    if not isinstance(algorithm, str) or algorithm.strip().upper().replace("-", "") != "SHA256":
        return ()
    listed = section.get("fingerprints", [])
    values = [section.get("fingerprint"), *(listed if isinstance(listed, list) else [listed])]
    pins = (parse_fingerprint(value) for value in values)
    return tuple(dict.fromkeys(pin for pin in pins if isinstance(pin, Fingerprint)))


def _after_the_edit(edited: bytes, before: dict[str, Any], section: dict[str, Any]) -> None:
    again = parse_pinning_text(edited)
    if not isinstance(again, PinningText):
        raise DisagreementError(f"what was written is rejected: {again.reason}")
    owned = {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": str(PIN),
        "fingerprints": [str(PIN)],
    }
    # By its representation, in which NaN is equal to itself.
    wanted = {**before, SECTION: {**section, **owned}}
    _agree(repr(_sorted(json.loads(edited))), repr(_sorted(wanted)), "the document as edited")


def _sorted(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members in the order of their keys, those of the section too: keys may move, not go."""
    own = sorted(document[SECTION].items())
    return sorted((key, own if key == SECTION else value) for key, value in document.items())


def status_body(octets: bytes) -> None:
    """The status answer: as jq finds its fields, and as Python does."""
    parsed = parse_json(octets)
    if isinstance(parsed, RefusedJson):
        _reasoned(parsed.reason)
        return
    if not isinstance(parsed.value, dict):
        return
    found = [_program(it).input_text(parsed.text).all() for it in _PROGRAMS]
    value = parsed.value.get("certificateFingerprint")
    if not _has_number(value):  # jq keeps numbers as doubles
        _agree(found[0], [value], "the certificate's fingerprint")
    answer = read_answer(Channel.PINNED, Outputs((tuple(found[0]), tuple(found[1]), ())))
    match answer:
        case StatusRejected():
            _reasoned(answer.reason)
        case StatusAnswer():
            parsed_current = parse_fingerprint(value)
            usable = parsed_current if isinstance(parsed_current, Fingerprint) else None
            _agree(answer.current, usable, "the current fingerprint")


@cache
def _program(text: str) -> Any:
    return jq.compile(text)


def _has_number(value: object) -> bool:
    match value:
        case dict():
            return any(map(_has_number, value.values()))
        case list():
            return any(map(_has_number, value))
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def state(octets: bytes) -> None:
    """The stored state: what opens can be sealed, and opens again.

    Also with the checksum put right, behind which nothing would be tried but the checksum.
    """
    _open(octets)
    parsed = parse_json(octets)
    if isinstance(parsed, ParsedJson) and isinstance(parsed.value, dict):
        payload = {key: value for key, value in parsed.value.items() if key != "checksum"}
        canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        _open(json.dumps({**payload, "checksum": sha256(canonical).hexdigest()}).encode())


def _open(octets: bytes) -> None:
    opened = open_state(octets, NOW, "this boot")
    match opened:
        case Broken(reason):
            _reasoned(reason)
        case Opened():
            again = open_state(seal_state(opened.state, opened.seal), NOW, "this boot")
            _agree(type(again), Opened, "a state sealed anew")


def override(octets: bytes) -> None:
    """An override file, read as the daemon does; two looks see the same."""
    folder = Path(_folder().name)
    (folder / "override").write_bytes(octets)
    found = read_override(folder, folder / "none")
    match found:
        case OverrideRejected():
            _reasoned(found.reason)
        case OverrideFile(reason=reason, by=by):
            for text in (reason, by):
                _agree(text.splitlines()[:1], [text] if text else [], "one line")
        case None:
            raise DisagreementError("the file is there, and nothing was found")
    _agree(read_override(folder, folder / "none"), found, "the second look")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One for the process; it goes with it."""
    return tempfile.TemporaryDirectory(prefix="edgepind-fuzz-")


def operator_word(octets: bytes) -> None:
    """The operator's word on a pin."""
    word = parse_word(octets)
    if isinstance(word, str):
        _reasoned(word)


def helper_request(octets: bytes) -> None:
    """A request to the helper that has root's rights; what is understood is spelt alike."""
    request = parse_request(octets)
    if isinstance(request, RequestRefused):
        _reasoned(request.error)
        return
    _agree(parse_request(encode_request(request)), request, "the request spelt again")


def helper_answer(octets: bytes) -> None:
    """An answer of the helper, which the daemon does not believe unread either."""
    answer = parse_answer(octets)
    if isinstance(answer, NoAnswer):
        _reasoned(answer.reason)
        return
    _agree(parse_answer(encode_answer(answer)), answer, "the answer spelt again")


def chrony(octets: bytes) -> None:
    """What chronyc prints."""
    reading = read_tracking(octets.decode("utf-8", "replace"))
    if reading is not None and not (reading.uncertainty >= 0 and math.isfinite(reading.ahead)):
        raise DisagreementError(f"no clock can be judged by {reading}")


def http_fields(octets: bytes) -> None:
    """The header fields that are believed."""
    text = octets.decode("latin-1")
    date, wait = http_date(text), retry_after(text, None, WALL)
    date_reading(text, None, WALL, 0.1)
    if wait is not None and not 0 <= wait <= 3600:
        raise DisagreementError(f"a patience of {wait} s")
    if date is not None and date.tzinfo is None:
        raise DisagreementError(f"a date without a zone: {date}")
    tag = usable_tag(text)
    if tag is not None and not tag.isprintable():
        raise DisagreementError(f"a tag that would forge a header: {tag!r}")


def certificate(octets: bytes) -> None:
    """A certificate as sent: our cut of the key against the library's, and the judge over it."""
    info = public_key_info(octets)
    issuer_and_subject(octets)
    _judge().leaf([octets], WALL)
    try:
        parsed = x509.load_der_x509_certificate(octets)
        key = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001  what the library refuses it cannot be compared by
        return
    if info is None or info not in octets:
        raise DisagreementError("the library reads a key where we find none")
    if len(info) == len(key):  # it writes some parameters otherwise, never of the same length
        _agree(info, key, "the public key")


@cache
def _judge() -> Judge:
    none = TrustRoots.of("none", ())
    return Judge("cloud.example", Trust(none, none))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    it.__name__: it
    for it in (
        fingerprint,
        settings,
        pinning_config,
        status_body,
        state,
        override,
        operator_word,
        helper_request,
        helper_answer,
        chrony,
        http_fields,
        certificate,
    )
}
