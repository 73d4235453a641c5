"""A small public-key infrastructure for the closed world: roots, intermediates, leaves.

What it issues by default keeps to the CA/Browser Forum's profile (RFC 5280 extensions, names in
a non-critical subjectAltName), so that OpenSSL and the path builder of `cryptography` both accept
it; the exceptions are asked for by name. It never reads the clock: validity is a parameter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgepind.lab import rsa_pss
from edgepind.model.fingerprint import Fingerprint
from edgepind.observe.der import public_key_info

KeyKind = Literal["ecdsa", "rsa", "rsa-pss", "ed25519"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2049, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Where a credential was written: `full_chain` is the leaf followed by its intermediates."""

    key: Path
    certificate: Path
    full_chain: Path


@dataclass(frozen=True, slots=True)
class Credential:
    """A leaf, its private key and the intermediates a server sends with it, all as bytes.

    `certificate` and `chain` are DER; `key_pem` is PKCS #8 without a password. To serve another
    chain than the issuer's own (none, a cross-signed one), use `with_chain`.
    """

    certificate: bytes
    chain: tuple[bytes, ...]
    key_pem: bytes
    private_key: PrivateKey

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256 over the DER of the leaf."""
        return Fingerprint(sha256(self.certificate).digest())

    @property
    def spki(self) -> Fingerprint:
        """SHA-256 over the DER SubjectPublicKeyInfo (RFC 7469)."""
        return _spki(self.certificate)

    @property
    def certificate_pem(self) -> bytes:
        """The leaf alone."""
        return _pem(self.certificate)

    @property
    def chain_pem(self) -> bytes:
        """The leaf followed by its intermediates, as a server is configured with."""
        return b"".join(map(_pem, (self.certificate, *self.chain)))

    def with_chain(self, *authorities: "Authority") -> "Credential":
        """Serve the same leaf with exactly these intermediates."""
        return replace(self, chain=tuple(authority.der for authority in authorities))

    def write(self, directory: Path, stem: str = "server") -> CredentialFiles:
        """Write `STEM.key` (mode 0600), `STEM.crt` and `STEM-chain.crt` into `directory`."""
        files = CredentialFiles(
            key=directory / f"{stem}.key",
            certificate=directory / f"{stem}.crt",
            full_chain=directory / f"{stem}-chain.crt",
        )
        files.key.touch(mode=0o600)
        files.key.write_bytes(self.key_pem)
        files.certificate.write_bytes(self.certificate_pem)
        files.full_chain.write_bytes(self.chain_pem)
        return files


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate, its key, and the chain a leaf of it is served with.

    `chain` holds what leads towards the root, this CA first; a root is in no chain.
    """

    certificate: x509.Certificate
    private_key: PrivateKey
    chain: tuple[bytes, ...] = ()

    @classmethod
    def root(
        cls,
        name: str,
        *,
        organisation: str = "",
        key: KeyKind = "ecdsa",
        not_before: datetime = LONG_AGO,
        not_after: datetime = FAR_AHEAD,
    ) -> "Authority":
        """Make a self-signed CA; `organisation` is its owner, by the subject's O ("": it has none).

        Without one, the name of the root counts as that of its owner.
        """
        private_key = _new_key(key)
        subject = _name(name, organisation)
        builder = _builder(subject, subject, private_key, not_before, not_after)
        return cls(_sign(_as_authority(builder), private_key), private_key)

    def intermediate(
        self,
        name: str,
        *,
        key: KeyKind = "ecdsa",
        not_before: datetime = LONG_AGO,
        not_after: datetime = FAR_AHEAD,
    ) -> "Authority":
        """Make a CA of which this one is the issuer."""
        return self._certify(_name(name), _new_key(key), not_before, not_after)

    def cross_sign(
        self,
        other: "Authority",
        *,
        not_before: datetime = LONG_AGO,
        not_after: datetime = FAR_AHEAD,
    ) -> "Authority":
        """Certify the name and the key of another CA once more, under this one."""
        return self._certify(other.certificate.subject, other.private_key, not_before, not_after)

    def leaf(
        self,
        host_names: Iterable[str],
        *,
        key: KeyKind | PrivateKey = "ecdsa",
        not_before: datetime = LONG_AGO,
        not_after: datetime = FAR_AHEAD,
        common_name: str | None = None,
        critical_names: bool = False,
    ) -> Credential:
        """Issue a server certificate for these host names (A-labels, wildcards, IP addresses).

        Without host names there is no subjectAltName. `common_name` is the first host name unless
        given; "" leaves the subject empty. A key of an earlier credential may be used again.
        """
        names = tuple(host_names)
        common_name = (names[0] if names else "") if common_name is None else common_name
        private_key = _new_key(key) if isinstance(key, str) else key
        builder = _builder(
            _name(common_name), self.certificate.subject, private_key, not_before, not_after
        ).add_extension(self._key_identifier(), critical=False)
        builder = _as_server(builder, enciphers=key == "rsa")
        if names:
            alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=critical_names or not common_name)
        certificate = _der(_sign(builder, self.private_key))
        key_pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        if key == "rsa-pss":
            certificate = rsa_pss.relabel_certificate(certificate, self._sign_bytes)
            key_pem = rsa_pss.relabel_key(key_pem)
        return Credential(certificate, self.chain, key_pem, private_key)

    @property
    def der(self) -> bytes:
        """The certificate of the CA itself, as DER."""
        return _der(self.certificate)

    @property
    def pem(self) -> bytes:
        """The certificate of the CA itself, as PEM."""
        return _pem(self.der)

    @property
    def spki(self) -> Fingerprint:
        """The SPKI pin of this CA, as `pins.issuers` names it."""
        return _spki(self.der)

    def write(self, path: Path) -> Path:
        """Write the certificate as a PEM file, to be used as a trust store; return `path`."""
        path.write_bytes(self.pem)
        return path

    def _certify(
        self, subject: x509.Name, private_key: PrivateKey, not_before: datetime, not_after: datetime
    ) -> "Authority":
        builder = _builder(subject, self.certificate.subject, private_key, not_before, not_after)
        builder = builder.add_extension(self._key_identifier(), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        certificate = _sign(_as_authority(builder), self.private_key)
        return Authority(certificate, private_key, (_der(certificate), *self.chain))

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private_key.public_key())

    def _sign_bytes(self, data: bytes) -> bytes:
        if not isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            raise TypeError("an rsa-pss leaf is issued by an ECDSA authority")
        return self.private_key.sign(data, ec.ECDSA(hashes.SHA256()))


def _new_key(kind: KeyKind) -> PrivateKey:
    match kind:
        case "ecdsa":
            return ec.generate_private_key(ec.SECP256R1())
        case "rsa" | "rsa-pss":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()


def _name(common_name: str, organisation: str = "") -> x509.Name:
    words = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, word) for kind, word in words if word])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(identifier, critical=False)
    )


def _as_authority(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return builder.add_extension(constraints, critical=True).add_extension(
        _usage(digital_signature=True, key_cert_sign=True, crl_sign=True), critical=True
    )


def _as_server(builder: x509.CertificateBuilder, *, enciphers: bool) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        builder.add_extension(constraints, critical=True)
        .add_extension(
            _usage(digital_signature=True, key_encipherment=enciphers),
            critical=True,
        )
        .add_extension(purpose, critical=False)
    )


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def _spki(certificate: bytes) -> Fingerprint:
    info = public_key_info(certificate)
    if info is None:
        raise ValueError("a certificate of this PKI has a public key")
    return Fingerprint(sha256(info).digest())
