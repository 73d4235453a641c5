"""`edgepind bundle make HOST`: looks at the cloud, shows what it saw, and signs what was confirmed.

A workstation may be on an intercepted path itself. So what it saw is signed only where every chain
reaches the public roots and name and time are right; any other pin has to be named by hand.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from edgepind.bundle.jws import LONGEST, NotABundle, signed_bundle
from edgepind.bundle.keys import KeyRefused, read_private_key
from edgepind.bundle.payload import HIGHEST_SERIAL, parse_payload, payload_of
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.probe import (
    Named,
    Probe,
    Unprobed,
    parse_target,
    probe_named,
    probe_page,
    settings_for,
)
from edgepind.cli.render import Facts, Sentences, complain, show, spoken
from edgepind.core.tick import leaves_in
from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.model.bundle import Bundle, BundlePin
from edgepind.model.enums import PinKind, Role
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from edgepind.settings.durations import RefusedDuration, parse_duration
from edgepind.settings.kinds import Wrong, parse_host

_LASTS = "30d"


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why nothing is signed: a sentence, and the exit code."""

    error: str
    code: ExitCode = ExitCode.USAGE


def configure_make(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this way."""
    parser.add_argument("host", metavar="HOST[:PORT]", help="the cloud's name, as in cloud.host")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="what signs")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the bundle")
    parser.add_argument("--current", metavar="FP", help="the current pin (default: what is seen)")
    parser.add_argument(
        "--next",
        action="append",
        default=[],
        metavar="FP|PEM",
        help="a backup pin, or the file of its certificate",
    )
    parser.add_argument(
        "--revoke", action="append", default=[], metavar="FP", help="a pin that must go"
    )
    parser.add_argument(
        "--serial", type=int, help="higher than any before (default: the seconds since 1970)"
    )
    parser.add_argument(
        "--for", dest="lasts", default=_LASTS, metavar="DURATION", help=f"(default: {_LASTS})"
    )
    parser.add_argument("--yes", action="store_true", help="sign without asking")


def make_bundle(args: argparse.Namespace) -> ExitCode:
    """Look, show, ask, sign, write."""
    key = read_private_key(args.key)
    if isinstance(key, KeyRefused):
        complain(key.error)
        return ExitCode.USAGE
    bundle = _bundle(args)
    if isinstance(bundle, _Refused):
        complain(bundle.error)
        return bundle.code
    payload = payload_of(bundle)
    again = parse_payload(payload)
    content = signed_bundle(payload, key)
    if isinstance(again, NotABundle) or len(content) > LONGEST:
        why = again.reason if isinstance(again, NotABundle) else "it is too long"
        complain(f"no Edge would take this bundle: {why}; name each pin once")
        return ExitCode.USAGE
    show((_to_be_signed(bundle),))
    if not args.yes and not _confirmed():
        complain("nothing was signed; say yes, or give --yes")
        return ExitCode.BAD
    done = replace(args.out, content, mode=0o644)
    if isinstance(done, NotReplaced):
        complain(done.error)
        return ExitCode.BAD
    print(f"{args.out} is signed; on the Edge, `edgepind bundle apply` takes it.")
    return ExitCode.GOOD


def _bundle(args: argparse.Namespace) -> Bundle | _Refused:
    named, lasts = parse_target(args.host), parse_duration(args.lasts)
    if isinstance(named, Wrong) or isinstance(parse_host(named.host), Wrong):
        return _Refused(f"{args.host!r} is not the cloud's name; write it as in cloud.host")
    if isinstance(lasts, RefusedDuration) or not 0 < lasts < float("inf"):
        return _Refused(f"--for {args.lasts} is no length of time; write one like {_LASTS}")
    serial = int(time.time()) if args.serial is None else args.serial
    if not 1 <= serial <= HIGHEST_SERIAL:
        return _Refused(f"--serial {serial} is not from 1 to {HIGHEST_SERIAL}; leave it out")
    settings = settings_for(named, args)
    kind = settings.pins.kind if settings else PinKind.CERTIFICATE
    pins = _pins(args, named, kind)
    if isinstance(pins, _Refused):
        return pins
    revoked = [_value(it, kind) for it in args.revoke]
    if bad := next((it for it in revoked if isinstance(it, _Refused)), None):
        return bad
    issued = datetime.now(UTC).replace(microsecond=0)
    return Bundle(
        host=named.host,
        kind=kind,
        pins=pins,
        revoked=tuple(it for it in revoked if isinstance(it, Fingerprint)),
        serial=serial,
        issued_at=issued,
        expires=issued + timedelta(seconds=lasts),
    )


def _pins(
    args: argparse.Namespace, named: Named, kind: PinKind
) -> tuple[BundlePin, ...] | _Refused:
    """The current pin, what is served beside it, and what comes next; each once."""
    given = [_value(it, kind) for it in (*([args.current] if args.current else []), *args.next)]
    if bad := next((it for it in given if isinstance(it, _Refused)), None):
        return bad
    values = [it for it in given if isinstance(it, Fingerprint)]
    seen = _seen(args, named, kind)
    if args.current:
        order = values  # what was seen is shown, and what is named by hand is signed
    elif isinstance(seen, _Refused):
        return seen
    else:
        order = [*seen, *values]
    revoked = {str(_value(it, kind)) for it in args.revoke}
    kept = [it for it in dict.fromkeys(order) if args.current or str(it) not in revoked]
    roles = (Role.CURRENT, *(Role.BACKUP for _ in kept[1:]))
    return tuple(BundlePin(it, role) for it, role in zip(kept, roles, strict=False))


def _seen(args: argparse.Namespace, named: Named, kind: PinKind) -> list[Fingerprint] | _Refused:
    """What the cloud serves, the most frequent first; printed for comparison."""
    probe = asyncio.run(probe_named(named, settings_for(named, args)))
    if isinstance(probe, Unprobed):
        return _Refused(probe.error)
    show((*probe_page(probe), Sentences(("",))))
    leaves = leaves_in(probe.link)
    if not leaves:
        return _Refused(
            f"no leaf of {args.host} could be seen from here; name the pin with --current, once "
            "you have it from the cloud's operator",
            ExitCode.UNOBSERVED,
        )
    if not _is_public(probe):
        return _Refused(
            "what was seen does not reach the public roots, or its name or time is wrong: this "
            "workstation may be intercepted; name the pin with --current, once you have it from "
            "the cloud's operator",
            ExitCode.BAD,
        )
    counts = Counter(leaf.value(kind) for leaf in leaves)
    return [value for value, _ in counts.most_common()]


def _is_public(probe: Probe) -> bool:
    wall = probe.tick.now.wall
    return all(it.name_matches and it.public.holds_at(wall) for it in leaves_in(probe.link))


def _value(text: str, kind: PinKind) -> Fingerprint | _Refused:
    """A fingerprint as it is written, or that of the certificate in the file of this name."""
    fingerprint = parse_fingerprint(text)
    if isinstance(fingerprint, Fingerprint):
        return fingerprint
    file = read_small_file(Path(text), LONGEST, follow=True)
    if not isinstance(file, SmallFile):
        return _Refused(f"{fingerprint}, and there is no such file; see `edgepind probe`")
    return _of_certificate(text, file.content, kind)


def _of_certificate(name: str, content: bytes, kind: PinKind) -> Fingerprint | _Refused:
    # Only where a file was named.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
    )

    try:
        certificate = x509.load_pem_x509_certificate(content)
        info = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, TypeError):
        return _Refused(f"{name} holds no certificate in PEM; name the right file")
    der = certificate.public_bytes(Encoding.DER) if kind is PinKind.CERTIFICATE else info
    return Fingerprint(sha256(der).digest())


def _to_be_signed(bundle: Bundle) -> Facts:
    pins = [(pin.role.value, str(pin.fingerprint)) for pin in bundle.pins]
    revoked = [("revoked", str(it)) for it in bundle.revoked]
    return Facts(
        (
            ("to be signed for", f"{bundle.host}, pins of kind {bundle.kind}"),
            *pins,
            *revoked,
            ("serial", str(bundle.serial)),
            ("expires", spoken(bundle.expires)),
        )
    )


def _confirmed() -> bool:
    print("Sign this? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
