"""`edgepind bundle make|keygen|show|apply`: signed pin bundles (CONTRACT section 12).

The first three are for a workstation and need no settings; `apply` hands one to the daemon.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edgepind.bundle.jws import LONGEST, NotABundle, is_signed, open_envelope
from edgepind.bundle.keys import KeyRefused, new_key, read_key
from edgepind.bundle.payload import digest_of, parse_payload
from edgepind.cli.bundle_apply import apply_bundle
from edgepind.cli.bundle_make import configure_make, make_bundle
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.render import (
    Facts,
    Said,
    Table,
    Tone,
    Word,
    add_json,
    complain,
    print_json,
    show,
    spoken,
)
from edgepind.formats import rfc3339
from edgepind.host.bounded_read import SmallFile, Unreadable, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.model.bundle import Bundle

_OWN, _ANYBODYS = 0o600, 0o644


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    ways = add_ways(
        parser,
        {
            "make": "look at the cloud from here, and sign what it is to be pinned to",
            "keygen": "make an Ed25519 key that signs bundles",
            "show": "print a bundle, and whether a key has signed it",
            "apply": "hand a bundle to the daemon of this host",
        },
    )
    configure_make(ways["make"])
    ways["keygen"].add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the private key; FILE.pub beside"
    )
    ways["show"].add_argument("file", type=Path, metavar="FILE")
    ways["show"].add_argument(
        "--key", type=Path, metavar="FILE", help="a public key that should have signed it"
    )
    add_json(ways["show"])
    ways["apply"].add_argument("file", type=Path, metavar="FILE")


def main(args: argparse.Namespace) -> int:
    """Do what was asked."""
    match args.way:
        case "make":
            return make_bundle(args)
        case "keygen":
            return _keygen(args.out)
        case "show":
            return _show(args)
        case _:
            content = _read(args.file)
            return ExitCode.USAGE if content is None else apply_bundle(settings_of(args), content)


def _read(path: Path) -> bytes | None:
    """The file, up to one octet more than a bundle may have; None where that was complained of."""
    match read_small_file(path, 2 * LONGEST, follow=True):
        case SmallFile(content):
            return content
        case Unreadable(error):
            complain(f"{error}; name the file of a bundle")
        case _:
            complain(f"there is no {path}; name the file of a bundle")
    return None


# --- keygen -----------------------------------------------------------------------------------


def _keygen(out: Path) -> ExitCode:
    public_path = out.with_name(f"{out.name}.pub")
    for path in (out, public_path):
        if path.exists() or path.is_symlink():
            complain(f"{path} is there already and is not written over; name another with --out")
            return ExitCode.BAD
    private, public = new_key()
    for path, content, mode in ((out, private, _OWN), (public_path, public, _ANYBODYS)):
        done = replace(path, content, mode=mode)
        if isinstance(done, NotReplaced):
            complain(done.error)
            return ExitCode.BAD
    print(f"{out} signs bundles: keep it on this workstation, and a copy under lock and key.")
    print(f"{public_path} goes to each Edge, owned by root, and is named in bundle.keys there.")
    return ExitCode.GOOD


# --- show -------------------------------------------------------------------------------------


def _show(args: argparse.Namespace) -> ExitCode:
    content = _read(args.file)
    key = None if args.key is None else read_key(args.key)
    if isinstance(key, KeyRefused):
        complain(key.error)
        return ExitCode.USAGE
    if content is None:
        return ExitCode.USAGE
    envelope = open_envelope(content)
    bundle = envelope if isinstance(envelope, NotABundle) else parse_payload(envelope.payload)
    if isinstance(envelope, NotABundle) or isinstance(bundle, NotABundle):
        reason = bundle.reason if isinstance(bundle, NotABundle) else ""
        complain(f"{args.file} is no bundle: {reason}; take it as `edgepind bundle make` wrote it")
        return ExitCode.BAD
    signature = "unchecked"
    if key is not None:
        signature = "good" if is_signed(envelope, (key,)) else "bad"
    if args.json:
        print_json(
            {**_as_json(bundle), "digest": digest_of(envelope.payload), "signature": signature}
        )
    else:
        show(tuple(bundle_page(bundle, signature)))
    return ExitCode.BAD if signature == "bad" else ExitCode.GOOD


def _as_json(bundle: Bundle) -> dict[str, object]:
    return {
        "host": bundle.host,
        "kind": bundle.kind.value,
        "pins": [
            {
                "fingerprint": str(pin.fingerprint),
                "role": pin.role.value,
                "not_before": rfc3339(pin.not_before) if pin.not_before else None,
                "not_after": rfc3339(pin.not_after) if pin.not_after else None,
            }
            for pin in bundle.pins
        ],
        "revoked": [str(it) for it in bundle.revoked],
        "serial": bundle.serial,
        "issued_at": rfc3339(bundle.issued_at),
        "expires": rfc3339(bundle.expires),
    }


_SIGNATURES = {"good": Tone.GOOD, "bad": Tone.BAD, "unchecked": Tone.WARNING, "": Tone.PLAIN}


def bundle_page(bundle: Bundle, signature: str) -> Iterator[Facts | Table]:
    """What a bundle says, for a person."""
    over = datetime.now(UTC) >= bundle.expires
    expires = Word(
        spoken(bundle.expires) + (": over" if over else ""), Tone.BAD if over else Tone.PLAIN
    )
    rows: list[tuple[str, Said]] = [
        ("host", bundle.host),
        ("kind of pins", bundle.kind.value),
        ("serial", str(bundle.serial)),
        ("issued", spoken(bundle.issued_at)),
        ("expires", expires),
        ("signature", Word(signature, _SIGNATURES[signature])),
    ]
    yield Facts(tuple(rows))
    pins = [
        (
            pin.role.value,
            str(pin.fingerprint),
            spoken(pin.not_before) if pin.not_before else "at once",
            spoken(pin.not_after) if pin.not_after else "no end",
        )
        for pin in bundle.pins
    ]
    revoked = [("revoked", str(it), "at once", "no end") for it in bundle.revoked]
    columns = ("role", "fingerprint", "from", "until")
    yield Table("", columns, (*pins, *revoked), "It names no pin.")
