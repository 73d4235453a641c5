"""What the Edge would offer the cloud, as contexts for the probe's handshakes.

The values of the pinning document are read in any usual spelling; what is not understood is
ignored here and reported by `check`. No context verifies a chain: `chain` judges it.

`ssl` before Python 3.15 cannot choose among the suites of TLS 1.3, so all of them are offered
wherever TLS 1.3 is. They are never switched off on account of a list either: one that names none
of them leaves it open whether it concerns them. Which leaf else the Edge could be served, where it
is another TLS library's client, is for `edge_offers`.
"""

import re
import ssl
import warnings
from dataclasses import dataclass
from functools import cache

from edgepind.formats import foreign_text
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.observe.cipher_names import IANA_NAMES

_VERSIONS = {
    "1": ssl.TLSVersion.TLSv1,
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_VERSION = re.compile(r"(?:tls)?[ _-]?v?[ _-]?(1(?:[._]?[0-3])?)", re.IGNORECASE | re.ASCII)
_SEPARATORS = re.compile(r"[:,;\s]+")
_CODE_POINT = 0xFFFF
_EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
_TLS_1_3_ONLY = "TLSv1.3"
_LEGACY_SERVER_CONNECT = getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
"""Also where a server knows no secure renegotiation (RFC 5746); named by Python 3.12 and later."""


@dataclass(frozen=True, slots=True)
class TlsOffer:
    """The Edge's `tlsSettings`, understood.

    `suites` are OpenSSL's names for TLS 1.2 and below; empty: OpenSSL's own defaults.
    `unknown` holds the values of the document that this OpenSSL does not know.
    """

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    suites: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """One sentence for a person about each thing that was ignored, or that cannot be."""
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED


def read_offer(tls: EdgeTls, highest: HighestTls = HighestTls.UNKNOWN) -> TlsOffer:
    """Read the values, for an Edge that speaks `highest`; never raises, whatever they are."""
    problems: list[str] = []
    minimum = None if tls.min_version is None else _version(tls.min_version)
    unknown = [] if tls.min_version is None or minimum else [tls.min_version]
    if unknown:
        problems.append(
            f"tlsSettings.minVersion {foreign_text(unknown[0])!r} is not a TLS version and is "
            'ignored; write "TLSv1.2" or "TLSv1.3"'
        )
    known, others = _known(tls.cipher_suites)
    problems += [
        f"tlsSettings.cipherSuites names {foreign_text(name)!r}, which this OpenSSL does not "
        "know, and it is ignored; use a name of OpenSSL's or of IANA's"
        for name in others
    ]
    if tls.cipher_suites and not known:
        problems.append(
            "tlsSettings.cipherSuites names no suite that is known, so OpenSSL's defaults are used"
        )
    older = tuple(name for name in known if _suites()[name.upper()].protocol != _TLS_1_3_ONLY)
    if known and not older:
        minimum = ssl.TLSVersion.TLSv1_3
    if minimum is ssl.TLSVersion.TLSv1_3 and highest is HighestTls.TLS_1_2:
        problems.append(
            "tlsSettings asks for TLS 1.3 and edge.tls says that the Edge speaks no more than 1.2, "
            "so it connects to nobody; correct one of the two"
        )
    return TlsOffer(
        minimum=minimum or ssl.TLSVersion.TLSv1_2,
        suites=older,
        unknown=(*unknown, *others),
        problems=tuple(problems),
        maximum=ssl.TLSVersion.TLSv1_2
        if highest is HighestTls.TLS_1_2
        else ssl.TLSVersion.MAXIMUM_SUPPORTED,
    )


def edge_context(offer: TlsOffer) -> ssl.SSLContext:
    """A context that offers what the Edge would; it verifies nothing. Costs about 0.3 ms."""
    return _context(offer.minimum, offer.maximum, ":".join(offer.suites) or "DEFAULT")


def wide_context() -> ssl.SSLContext:
    """A context that offers more than any Edge: all that OpenSSL can do, for the diagnosis alone.

    TLS 1.0, weak keys and hashes, and servers without secure renegotiation, as old middleboxes are.
    """
    context = _context(
        ssl.TLSVersion.TLSv1, ssl.TLSVersion.MAXIMUM_SUPPORTED, "ALL:!aNULL:@SECLEVEL=0"
    )
    context.options |= _LEGACY_SERVER_CONNECT
    return context


def _context(minimum: ssl.TLSVersion, maximum: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~_LEGACY_SERVER_CONNECT  # whatever the host's OpenSSL is told
    with warnings.catch_warnings():
        # TLS 1.0 and 1.1 are deprecated, and looked for on purpose.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = minimum
        context.maximum_version = maximum
    context.set_ciphers(ciphers)
    return context


def _version(word: str) -> ssl.TLSVersion | None:
    spelt = _VERSION.fullmatch(word.strip())
    if spelt is None:
        return None
    digits = spelt[1].replace("_", ".")
    return _VERSIONS[digits if "." in digits or digits == "1" else f"1.{digits[1]}"]


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    protocol: str


@cache
def _suites() -> dict[str, _Suite]:
    """Every suite of this OpenSSL, under both of its names in upper case."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(_EVERYTHING)
    found: dict[str, _Suite] = {}
    for cipher in context.get_ciphers():
        suite = _Suite(cipher["name"], cipher["protocol"])
        found[suite.name.upper()] = suite
        if iana := IANA_NAMES.get(cipher["id"] & _CODE_POINT):
            found[iana.upper()] = suite
    return found


def _known(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """OpenSSL's names of the suites that are known, and the names that are not, once each."""
    known: dict[str, None] = {}
    others: dict[str, None] = {}
    for name in (word for text in names for word in _SEPARATORS.split(text) if word):
        spelt = name.upper()
        # Java writes the oldest suites with SSL_ in place of TLS_.
        suite = _suites().get(spelt) or _suites().get(re.sub(r"^SSL_", "TLS_", spelt))
        if suite is None:
            others[name] = None
        else:
            known[suite.name] = None
    return tuple(known), tuple(others)
