"""One TLS handshake with one address: the chain as it was sent, or why there was none.

The chain is not judged here.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from edgepind.model.observation import HandshakeFault, NotServed
from edgepind.observe.certificate import chain_as_sent, openssl_words
from edgepind.settings.kinds import Address

_NOTHING_IN_COMMON = frozenset(
    {
        "DH_KEY_TOO_SMALL",
        "NO_CIPHERS_AVAILABLE",
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
    }
)
"""OpenSSL's reasons that mean: no version, cipher or key exchange suits both sides."""

_NO_CLIENT_CERTIFICATE = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
    }
)
"""What a server of TLS 1.2 says, once it has sent its own certificate, for want of the client's."""

_NO_SUCH_HOST = frozenset({"TLSV1_ALERT_UNRECOGNIZED_NAME", "TLSV1_UNRECOGNIZED_NAME"})
"""RFC 6066, section 3, as different releases of OpenSSL spell it."""

_NOT_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})


@dataclass(frozen=True, slots=True)
class Shaken:
    """A completed handshake. `chain` is DER, the leaf first, no certificate twice, never empty."""

    chain: tuple[bytes, ...]
    tls_version: str
    cipher: str


class RefusedLateError(ssl.SSLError):
    """The handshake failed after the peer had sent its certificate; the cause says how."""


class _TellingObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        """Shake hands. Raises ssl.SSLError, which tells whether a certificate had come."""
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            if chain_as_sent(self):
                raise RefusedLateError from error
            raise


async def handshake(
    address: Address,
    host: str,
    context: ssl.SSLContext,
    timeout: float,  # noqa: ASYNC109  names the deadline in the error
) -> Shaken | NotServed:
    """Connect, shake hands with `host` as SNI, and close without waiting for the peer.

    `timeout` is in seconds and bounds all of it. Never raises for an expected failure.
    """
    connected = False

    def protocol() -> asyncio.Protocol:
        nonlocal connected
        connected = True
        return asyncio.Protocol()

    # asyncio hands out no SSLObject where the handshake fails.
    context.sslobject_class = _TellingObject
    try:
        async with asyncio.timeout(timeout):
            transport, _ = await asyncio.get_running_loop().create_connection(
                protocol,
                address.ip,
                address.port,
                ssl=context,
                server_hostname=host,
                ssl_handshake_timeout=timeout,
                flags=socket.AI_NUMERICHOST,
            )
    except TimeoutError:
        return NotServed(HandshakeFault.TIMEOUT, _late(timeout, connected=connected))
    except ssl.SSLError as error:
        return _tls_fault(error, host)
    except OSError as error:
        return _network_fault(error)
    try:
        return _seen(transport.get_extra_info("ssl_object"))
    finally:
        transport.close()  # says close_notify
        transport.abort()  # and waits for none


def worth_judging(sent: Sequence[bytes]) -> tuple[bytes, ...]:
    """What is kept of a chain as it was sent: no certificate twice."""
    return tuple(dict.fromkeys(sent))


def _seen(tls: ssl.SSLObject) -> Shaken | NotServed:
    chain = worth_judging(chain_as_sent(tls))
    if not chain:
        return NotServed(HandshakeFault.TLS, "it sent no certificate")
    cipher = tls.cipher()
    return Shaken(
        chain=chain,
        tls_version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
    )


def _late(timeout: float, *, connected: bool) -> str:
    if connected:
        return f"it accepted the connection and did not finish the handshake within {timeout:g} s"
    return f"it did not accept a connection within {timeout:g} s"


def _tls_fault(error: ssl.SSLError, host: str) -> NotServed:
    had_certificate = isinstance(error, RefusedLateError)
    if isinstance(error.__cause__, ssl.SSLError):
        error = error.__cause__
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return NotServed(HandshakeFault.TLS, "what answered does not speak TLS")
    said = openssl_words(error)
    if had_certificate and reason in _NO_CLIENT_CERTIFICATE:
        return NotServed(
            HandshakeFault.TLS,
            "it sent its certificate and then refused the handshake, as a server does that asks "
            f"for a client certificate, of which edgepind has none ({said})",
        )
    if reason in _NO_SUCH_HOST:
        return NotServed(
            HandshakeFault.TLS, f"it knows no host {host}; compare with cloud.host ({said})"
        )
    if reason in _NOTHING_IN_COMMON:
        return NotServed(
            HandshakeFault.NO_COMMON_CIPHER, f"no TLS version or cipher in common ({said})"
        )
    return NotServed(HandshakeFault.TLS, f"the TLS handshake failed ({said})")


def _network_fault(error: OSError) -> NotServed:
    match error:
        case ConnectionRefusedError():
            return NotServed(HandshakeFault.REFUSED, "it refused the connection")
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return NotServed(HandshakeFault.RESET, "it closed the connection in the handshake")
        case socket.gaierror():
            return NotServed(HandshakeFault.NETWORK, f"it is no address ({error.strerror})")
        case _:
            reason = error.strerror or str(error)
            return NotServed(HandshakeFault.NETWORK, f"it cannot be reached ({reason})")
