"""Certificates of any shape, right or wrong, for the corpus of chains.

`edgepind.lab.pki` issues what a good CA would; here every extension can be left out, replaced or
added. Nothing is judged and no clock is read: validity is long unless it is given.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "edge.test"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2049, 12, 31, tzinfo=UTC)

SigningKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
Key = SigningKey | x25519.X25519PrivateKey | dsa.DSAPrivateKey
Extra = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate as DER, the name in it, and the key that it certifies."""

    der: bytes
    subject: x509.Name
    key: Key
    identified: bool = True
    """Whether what it issues names its key in an authorityKeyIdentifier."""

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS #8 without a password."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return x509.load_der_x509_certificate(self.der).public_bytes(Encoding.PEM)

    def under(self, subject: x509.Name | str, key: Key | None = None) -> "Certified":
        """An issuer that calls itself something else, or signs by another key, than it should."""
        return replace(self, subject=as_name(subject), key=key or self.key)


@dataclass(frozen=True, slots=True)
class Form:
    """How a certificate departs from the usual one of its kind."""

    key: Key | None = None
    not_before: datetime = LONG_AGO
    not_after: datetime = FAR_AHEAD
    without: tuple[type[x509.ExtensionType], ...] = ()
    extras: tuple[Extra, ...] = ()
    """Added, or put in the place of the extension of the same kind."""
    identified: bool = True
    hash: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None
    pss: bool = False
    signer: Key | None = None
    """Signs in place of the issuer, whose name and key identifier stand there all the same."""


USUAL = Form()


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key; takes microseconds."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """Give one key of each size to the whole corpus, because it takes long to find."""
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def root(subject: x509.Name | str, form: Form = USUAL) -> Certified:
    """A self-signed CA."""
    name, key = as_name(subject), form.key or new_key()
    usual: tuple[Extra, ...] = (*_AUTHORITY, _identifier(key))
    return _issue(name, key, Certified(b"", name, key), usual, form)


def authority(issuer: Certified, subject: x509.Name | str, form: Form = USUAL) -> Certified:
    """A CA of which `issuer` is the issuer."""
    key = form.key or new_key()
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    usual: tuple[Extra, ...] = (*_AUTHORITY, _identifier(key), (purpose, False))
    return _issue(as_name(subject), key, issuer, _named(usual, issuer), form)


def leaf(
    issuer: Certified,
    names: Iterable[str | x509.GeneralName] = (HOST,),
    form: Form = USUAL,
    *,
    subject: x509.Name | str = HOST,
) -> Certified:
    """A server's certificate; without `names` it has no subjectAltName."""
    key = form.key or new_key()
    usual: tuple[Extra, ...] = (*_SERVER, _identifier(key))
    if general := [_general(it) for it in names]:
        usual += ((x509.SubjectAlternativeName(general), False),)
    return _issue(as_name(subject), key, issuer, _named(usual, issuer), form)


def ladder(top: Certified, steps: int, stem: str = "Step") -> list[Certified]:
    """So many CAs, each the issuer of the next; the lowest comes first, `top` is left out."""
    rungs: list[Certified] = []
    for number in range(steps):
        rungs.insert(0, authority(rungs[0] if rungs else top, f"{stem} {number + 1}"))
    return rungs


def as_name(subject: x509.Name | str) -> x509.Name:
    """A distinguished name of one common name; "" is the empty name."""
    if isinstance(subject, x509.Name):
        return subject
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])


def usage(*names: str) -> Extra:
    """A critical keyUsage with these bits."""
    return x509.KeyUsage(**{name: name in names for name in _USAGES}), True


def basic(*, ca: bool, path_length: int | None = None) -> Extra:
    """A critical basicConstraints."""
    return x509.BasicConstraints(ca=ca, path_length=path_length), True


def purposes(*oids: x509.ObjectIdentifier, critical: bool = False) -> Extra:
    """An extendedKeyUsage."""
    return x509.ExtendedKeyUsage(oids), critical


def unknown(oid: str, value: bytes = b"\x05\x00", *, critical: bool = False) -> Extra:
    """An extension whose bytes are given, such as one that no library knows."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def _issue(
    subject: x509.Name, key: Key, issuer: Certified, usual: tuple[Extra, ...], form: Form
) -> Certified:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(form.not_before)
        .not_valid_after(form.not_after)
    )
    replaced = {it.oid for it, _ in form.extras} | {it.oid for it in form.without}
    for extension, critical in (*(it for it in usual if it[0].oid not in replaced), *form.extras):
        builder = builder.add_extension(extension, critical=critical)
    signer = form.signer or issuer.key
    if isinstance(signer, x25519.X25519PrivateKey):
        raise TypeError("an X25519 key signs nothing")
    edwards = isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if form.pss else None
    signed = builder.sign(
        signer, None if edwards else form.hash or hashes.SHA256(), rsa_padding=pss
    )
    return Certified(signed.public_bytes(Encoding.DER), subject, key, form.identified)


def _named(usual: tuple[Extra, ...], issuer: Certified) -> tuple[Extra, ...]:
    if not issuer.identified or isinstance(issuer.key, x25519.X25519PrivateKey):
        return usual
    named = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return (*usual, (named, False))


def _identifier(key: Key) -> Extra:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False


def _general(name: str | x509.GeneralName) -> x509.GeneralName:
    if isinstance(name, x509.GeneralName):
        return name
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_AUTHORITY: tuple[Extra, ...] = (basic(ca=True), usage("key_cert_sign", "crl_sign"))
_SERVER: tuple[Extra, ...] = (
    basic(ca=False),
    usage("digital_signature"),
    purposes(ExtendedKeyUsageOID.SERVER_AUTH),
)
