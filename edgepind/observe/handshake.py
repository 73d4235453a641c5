"""One TLS handshake with one address: the chain as it was sent, or why there was none.

The chain is not judged here.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
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

_SIGNED_KEY_EXCHANGE = ("ECDHE-", "DHE-")
"""Suites of TLS 1.2 in which the server signs its part of the key exchange with the leaf's key."""

_NO_SUCH_HOST = frozenset({"TLSV1_ALERT_UNRECOGNIZED_NAME", "TLSV1_UNRECOGNIZED_NAME"})
"""RFC 6066, section 3, as different releases of OpenSSL spell it."""

_CHUNK = 65_536
_NOT_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})


@dataclass(frozen=True, slots=True)
class Shaken:
    """A handshake in which a leaf was shown and its key proven.

    `chain` is DER, the leaf first, no certificate twice, never empty. `refused` says, in a clause,
    how the server ended it after that; None where it was completed.
    """

    chain: tuple[bytes, ...]
    tls_version: str
    cipher: str
    refused: str | None = None


async def handshake(
    address: Address,
    host: str,
    context: ssl.SSLContext,
    timeout: float,  # noqa: ASYNC109  names the deadline in the error
    *,
    linger: float = 0.0,
) -> Shaken | NotServed:
    """Connect, shake hands with `host` as SNI, and close without waiting for the peer.

    `timeout` is in seconds and bounds all of it. For `linger` seconds more a refusal is waited for,
    which a server of TLS 1.3 can only send when the handshake is over for the client. Never raises
    for an expected failure.
    """
    connected = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)  # noqa: FBT003  the only way the library takes it
        try:
            async with asyncio.timeout(timeout):
                await _connect(connection, address)
                connected = True
                await _shake(connection, tls, incoming, outgoing)
            refused = await _refused_afterwards(connection, tls, incoming, linger)
            await _take_leave(connection, tls, outgoing)
        except TimeoutError:
            return NotServed(HandshakeFault.TIMEOUT, _late(timeout, connected=connected))
        except ssl.SSLError as error:
            fault = _tls_fault(error, host, had_leaf=bool(chain_as_sent(tls)))
            return _refused_late(tls, fault.error) or fault
        except OSError as error:
            fault = _network_fault(error)
            return _refused_late(tls, fault.error) or fault
        return _seen(tls, refused)


async def _connect(connection: socket.socket, address: Address) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (address.ip, address.port))


async def _shake(
    connection: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    """Shake hands. Raises ssl.SSLError or OSError, after what there is to say has been sent."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await loop.sock_sendall(connection, outgoing.read())
            received = await loop.sock_recv(connection, _CHUNK)
            if not received:
                raise ConnectionResetError from None
            incoming.write(received)
            await asyncio.sleep(0)  # a peer that never pauses does not keep the loop
        else:
            with suppress(OSError):
                await loop.sock_sendall(connection, outgoing.read())
            return


async def _refused_afterwards(
    connection: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, linger: float
) -> str | None:
    """How the server refused what it had let pass until then, in a clause; None: it did not."""
    if not linger:
        return None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(linger):
            while received := await loop.sock_recv(connection, _CHUNK):
                incoming.write(received)
                with suppress(ssl.SSLWantReadError):
                    tls.read()
    except (TimeoutError, ssl.SSLZeroReturnError):
        return None
    except ssl.SSLError as error:
        return f"it refused the connection after the handshake ({openssl_words(error)})"
    except OSError:
        pass  # told below
    return "it broke the connection off after the handshake"


async def _take_leave(
    connection: socket.socket, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO
) -> None:
    """Let the server know that the connection ends (close_notify), as far as it takes no time."""
    with suppress(ssl.SSLError):
        tls.unwrap()
    with suppress(OSError):
        connection.send(outgoing.read())


def _refused_late(tls: ssl.SSLObject, how: str) -> Shaken | None:
    """What was seen in a handshake of TLS 1.2 that the server gave up; None: no leaf was proven.

    The client's Finished message exists once the server's key exchange, signed by the leaf's key,
    was verified (RFC 5246, section 7.3); before that, anybody could have sent the certificate. In
    TLS 1.3 the server's part is complete by then, and the handshake is over.
    """
    finished = tls.get_channel_binding("tls-unique") is not None
    cipher = tls.cipher()
    if not finished or cipher is None or not cipher[0].startswith(_SIGNED_KEY_EXCHANGE):
        return None
    seen = _seen(tls, how)
    return seen if isinstance(seen, Shaken) else None


def worth_judging(sent: Sequence[bytes]) -> tuple[bytes, ...]:
    """What is kept of a chain as it was sent: no certificate twice."""
    return tuple(dict.fromkeys(sent))


def _seen(tls: ssl.SSLObject, refused: str | None) -> Shaken | NotServed:
    chain = worth_judging(chain_as_sent(tls))
    if not chain:
        return NotServed(HandshakeFault.TLS, "it sent no certificate")
    cipher = tls.cipher()
    return Shaken(
        chain=chain,
        tls_version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        refused=refused,
    )


def _late(timeout: float, *, connected: bool) -> str:
    if connected:
        return f"it accepted the connection and did not finish the handshake within {timeout:g} s"
    return f"it did not accept a connection within {timeout:g} s"


def _tls_fault(error: ssl.SSLError, host: str, *, had_leaf: bool) -> NotServed:
    reason, said = error.reason or "", openssl_words(error)
    if reason in _NOT_TLS:
        return NotServed(HandshakeFault.TLS, "what answered does not speak TLS")
    if had_leaf and reason in _NO_CLIENT_CERTIFICATE:
        return NotServed(
            HandshakeFault.TLS,
            "it sent its certificate and then refused the handshake, as a server does that asks "
            f"for a client certificate ({said})",
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
