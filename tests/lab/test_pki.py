"""The test PKI: what it issues is what OpenSSL and the path builder both accept."""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from edgepind.lab.pki import Authority, Credential, KeyKind
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint

NOW = datetime(2030, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def root() -> Authority:
    """A root."""
    return Authority.root("Test Root")


def _paths(credential: Credential, root: Authority) -> list[x509.Certificate]:
    verifier = (
        PolicyBuilder()
        .store(Store([root.certificate]))
        .time(NOW)
        .build_server_verifier(x509.DNSName("edge.test"))
    )
    chain = [x509.load_der_x509_certificate(der) for der in credential.chain]
    return verifier.verify(x509.load_der_x509_certificate(credential.certificate), chain)


def _openssl(*arguments: str | Path) -> str:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is not installed")
    done = subprocess.run(  # noqa: S603  fixed program, arguments of this test
        [program, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def _openssl_verifies(credential: Credential, root: Authority, directory: Path) -> bool:
    files = credential.write(directory)
    anchors = root.write(directory / "root.pem")
    moment = str(int(NOW.timestamp()))
    answer = _openssl(
        "verify",
        "-attime",
        moment,
        "-CAfile",
        anchors,
        "-untrusted",
        files.full_chain,
        "-verify_hostname",
        "edge.test",
        "-purpose",
        "sslserver",
        files.certificate,
    )
    return answer.strip().endswith("OK")


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
def test_a_leaf_is_accepted_by_both_verifiers(
    root: Authority, key: KeyKind, tmp_path: Path
) -> None:
    """A leaf under an intermediate verifies with `cryptography` and with OpenSSL."""
    leaf = root.intermediate("Issuing CA").leaf(["edge.test", "127.0.0.1"], key=key)
    assert len(_paths(leaf, root)) == 3
    assert _openssl_verifies(leaf, root, tmp_path)


@pytest.mark.parametrize("key", ["ed25519", "rsa-pss"])
def test_unusual_keys_are_accepted_by_openssl_and_can_be_served(
    root: Authority, key: KeyKind, tmp_path: Path
) -> None:
    """Keys that the CA/B profile leaves out still make a working server."""
    leaf = root.leaf(["edge.test"], key=key)
    assert _openssl_verifies(leaf, root, tmp_path)
    files = leaf.write(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.full_chain, files.key)


@pytest.mark.parametrize("key", ["ecdsa", "rsa", "rsa-pss", "ed25519"])
def test_hashes_are_those_that_openssl_prints(
    root: Authority, key: KeyKind, tmp_path: Path
) -> None:
    """The fingerprint and the SPKI pin agree with the `openssl` command."""
    leaf = root.leaf(["edge.test"], key=key)
    files = leaf.write(tmp_path)
    printed = _openssl("x509", "-in", files.certificate, "-noout", "-fingerprint", "-sha256")
    assert parse_fingerprint(printed) == leaf.fingerprint
    public_key = tmp_path / "public.pem"
    public_key.write_text(_openssl("x509", "-in", files.certificate, "-noout", "-pubkey"))
    spki = tmp_path / "public.der"
    _openssl("pkey", "-pubin", "-in", public_key, "-outform", "DER", "-out", spki)
    digest = _openssl("dgst", "-sha256", "-r", spki).split()[0]
    assert leaf.spki == Fingerprint(bytes.fromhex(digest))


def test_a_cross_signed_ca_leads_to_either_root(root: Authority) -> None:
    """The same leaf reaches whichever root its CA was certified by."""
    old = Authority.root("Old Root")
    issuing = root.intermediate("Issuing CA")
    leaf = issuing.leaf(["edge.test"])
    crossed = leaf.with_chain(old.cross_sign(issuing))
    assert len(_paths(leaf, root)) == 3
    assert len(_paths(crossed, old)) == 3


def test_a_renewed_certificate_may_keep_its_key(root: Authority) -> None:
    """The SPKI pin survives a renewal on the same key; the fingerprint does not."""
    first = root.leaf(["edge.test"])
    second = root.leaf(["edge.test"], key=first.private_key)
    assert first.spki == second.spki
    assert first.fingerprint != second.fingerprint


def test_keys_are_written_for_their_owner_alone(root: Authority, tmp_path: Path) -> None:
    """A private key's file has mode 0600."""
    files = root.leaf(["edge.test"]).write(tmp_path)
    assert files.key.stat().st_mode & 0o777 == 0o600
