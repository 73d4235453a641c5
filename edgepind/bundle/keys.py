"""The keys of bundles: public ones in PEM (`bundle.keys`), and the private one of a workstation.

A public key counts as the operator's word, so it is used only where nobody but root, or the user
that edgepind runs as, can have written it.
"""

import os
import stat
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from edgepind.host.bounded_read import NoFile, SmallFile, Unreadable, read_small_file

_LONGEST = 16 * 1024
_FOREIGN_WRITERS = stat.S_IWGRP | stat.S_IWOTH
_FOREIGN = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """A key that is not used. `error` is a sentence with the remedy behind a semicolon."""

    path: Path
    error: str


@dataclass(frozen=True, slots=True)
class BundleKeys:
    """The keys that may sign, and those that were refused."""

    keys: tuple[Ed25519PublicKey, ...] = ()
    refused: tuple[KeyRefused, ...] = ()


def read_keys(paths: Iterable[Path], state: Path) -> BundleKeys:
    """Read every public key; those of root, of this user and of the owner of `state` count."""
    trusted = {0, os.geteuid(), *_owner_of(state)}
    read = [read_key(path, trusted) for path in paths]
    return BundleKeys(
        tuple(it for it in read if isinstance(it, Ed25519PublicKey)),
        tuple(it for it in read if isinstance(it, KeyRefused)),
    )


def read_key(path: Path, trusted: AbstractSet[int] | None = None) -> Ed25519PublicKey | KeyRefused:
    """Read one public key; `trusted` are the users that may own its file, None: it may be anyone's.

    Never raises for what a disk can do.
    """
    file = _read(path)
    if isinstance(file, KeyRefused):
        return file
    owner, mode = file.status.st_uid, file.status.st_mode
    if trusted is not None and owner not in trusted:
        return KeyRefused(path, f"{path} belongs to user {owner}; give it to root with `chown`")
    if trusted is not None and mode & _FOREIGN_WRITERS:
        why = f"others than its owner may write {path} (mode {mode & 0o7777:04o})"
        return KeyRefused(path, f"{why}; `chmod go-w {path}`, once you have compared it")
    try:
        key = load_pem_public_key(file.content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        return KeyRefused(path, f"{path} is no Ed25519 public key in PEM; {_KEYGEN} makes one")
    return key


_KEYGEN = "`edgepind bundle keygen --out FILE`"


def read_private_key(path: Path) -> Ed25519PrivateKey | KeyRefused:
    """Read the key that signs: its owner's alone. Never raises for what a disk can do."""
    file = _read(path)
    if isinstance(file, KeyRefused):
        return file
    if file.status.st_mode & _FOREIGN:
        return KeyRefused(
            path, f"others than its owner may use {path}; `chmod go= {path}`, or make a new key"
        )
    try:
        key = load_pem_private_key(file.content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        why = f"{path} is no Ed25519 private key in PEM without a password"
        return KeyRefused(path, f"{why}; {_KEYGEN} makes one")
    return key


def new_key() -> tuple[bytes, bytes]:
    """Make a key: the private one (PKCS #8) and the public one, both in PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public


def _read(path: Path) -> SmallFile | KeyRefused:
    match read_small_file(path, _LONGEST, follow=True):
        case NoFile():
            return KeyRefused(path, f"there is no {path}; name the file of an Ed25519 key")
        case Unreadable(error):
            return KeyRefused(path, error if "; " in error else f"{error}; name the right file")
        case SmallFile() as file:
            return file


def _owner_of(folder: Path) -> tuple[int, ...]:
    try:
        return (folder.stat().st_uid,)
    except OSError:
        return ()  # it is not made yet
