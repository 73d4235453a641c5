"""Whose public key counts, and what a private key must be."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edgepind.bundle.keys import KeyRefused, new_key, read_key, read_keys, read_private_key


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A good key in a good file."""
    path = tmp_path / "key.pub"
    path.write_bytes(new_key()[1])
    path.chmod(0o644)
    return path


def test_a_key_of_ones_own_counts(public: Path, tmp_path: Path) -> None:
    """Also by way of a link."""
    link = tmp_path / "link.pub"
    link.symlink_to(public)
    found = read_keys((public, link), tmp_path)
    assert (len(found.keys), found.refused) == (2, ())


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_key_that_others_may_write_does_not_count(public: Path, mode: int) -> None:
    """They could put their own there."""
    public.chmod(mode)
    refused = read_key(public, {os.geteuid()})
    assert isinstance(refused, KeyRefused)
    assert "chmod go-w" in refused.error
    assert isinstance(read_key(public), Ed25519PublicKey), "on a workstation it may be anybody's"


def test_a_key_of_somebody_else_does_not_count(public: Path, tmp_path: Path) -> None:
    """Unless it is root's, or of the user whose state it is."""
    refused = read_key(public, {os.geteuid() + 1})
    assert isinstance(refused, KeyRefused)
    assert "belongs to user" in refused.error
    missing = tmp_path / "missing"
    found = read_keys((missing,), missing)
    assert (found.keys, len(found.refused)) == ((), 1)
    if os.geteuid() == 0:
        os.chown(public, 12345, 12345)
        assert read_keys((public,), tmp_path).keys == ()
        os.chown(tmp_path, 12345, 12345)
        assert len(read_keys((public,), tmp_path).keys) == 1


def test_another_kind_of_key_is_none(tmp_path: Path) -> None:
    """Nor is a private one, nor a folder."""
    path = tmp_path / "key"
    for content in (
        X25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        new_key()[0],
        b"",
    ):
        path.write_bytes(content)
        assert isinstance(read_key(path), KeyRefused)
    assert isinstance(read_key(tmp_path), KeyRefused)


def test_a_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    """One that others may read is refused."""
    path = tmp_path / "key"
    path.write_bytes(new_key()[0])
    path.chmod(0o600)
    assert isinstance(read_private_key(path), Ed25519PrivateKey)
    path.chmod(0o640)
    assert isinstance(read_private_key(path), KeyRefused)
    path.write_bytes(new_key()[1])
    path.chmod(0o600)
    assert isinstance(read_private_key(path), KeyRefused)
    assert isinstance(read_private_key(tmp_path / "missing"), KeyRefused)
