"""The site's own certificate, for clouds and endpoints that ask a client for one.

Read whenever it has been replaced. Its key never enters a message, and no password is asked for.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from edgepind.observe.certificate import openssl_words

CREDENTIAL = "edgepind.client-certificate"
"""The name of the systemd credential (systemd.exec(5), `LoadCredential=`)."""

_EMPTY = 1
"""The size of a credential that stands for none: a line end, as the unit sets it."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A PEM file with a certificate, perhaps its chain, and its key.

    `version` changes when the file is replaced or written: inode, size and time in nanoseconds;
    None where there is no such file.
    """

    path: Path
    version: tuple[int, int, int] | None


def find_client_certificate(configured: str) -> ClientCertificate | None:
    """The file of `cloud.client_certificate`, or, where that is "", the systemd credential."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not configured and not folder:
        return None
    path = Path(configured) if configured else Path(folder or "") / CREDENTIAL
    try:
        status = path.stat()
    except OSError:
        return ClientCertificate(path, None) if configured else None
    if not configured and status.st_size <= _EMPTY:
        return None
    return ClientCertificate(path, (status.st_ino, status.st_size, status.st_mtime_ns))


def present(context: ssl.SSLContext, certificate: ClientCertificate) -> str | None:
    """Have `context` present it where a server asks. Returns a sentence if that cannot be."""
    try:
        context.load_cert_chain(certificate.path, password=_no_password)
    except ssl.SSLError as error:
        return f"the client certificate {certificate.path} cannot be used ({_why(error)}); {_DO}"
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its key has a password"
        return f"the client certificate {certificate.path} cannot be read ({why}); {_DO}"
    return None


_DO = (
    "write a certificate and its key, without a password, as PEM into one file that edgepind reads"
)


def _why(error: ssl.SSLError) -> str:
    match error.reason:
        case "KEY_VALUES_MISMATCH" | "KEY_TYPE_MISMATCH" | "NO_CERTIFICATE_ASSIGNED":
            return "its key is that of another certificate"
        case None | "PEM_LIB" | "NO_START_LINE":
            return "it is not a certificate with its key in PEM"
        case _:
            return openssl_words(error)


def _no_password() -> str:
    """Without this, OpenSSL would ask at the terminal."""
    raise ValueError
