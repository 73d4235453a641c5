"""A certificate by which a site presents itself, and servers that ask for one."""

import ssl
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from edgepind.lab.listener import server_context
from edgepind.lab.pki import FAR_AHEAD, LONG_AGO, Authority, Credential


def write_client_certificate(
    path: Path, *, not_before: datetime = LONG_AGO, not_after: datetime = FAR_AHEAD
) -> None:
    """Write a certificate and its key as one PEM file; it has no extended key usage."""
    site = Authority.root("Site", not_before=not_before, not_after=not_after)
    path.write_bytes(site.pem + key_pem(site))


def key_pem(authority: Authority) -> bytes:
    """The key alone."""
    return authority.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def asking(
    credential: Credential, client: Path, mode: ssl.VerifyMode = ssl.CERT_REQUIRED
) -> ssl.SSLContext:
    """A server's context that asks for the certificate in `client`."""
    context = server_context(credential)
    context.load_verify_locations(client)
    context.verify_mode = mode
    return context
