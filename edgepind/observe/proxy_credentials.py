"""Where the user and the password for the proxy are read from, each time that they are needed.

Credentials that were replaced are so taken up without a restart. They never enter a message.
"""

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.host.bounded_read import NoFile, SmallFile, TooLarge, Unreadable, read_small_file

CREDENTIAL = "edgepind.proxy"
"""The name of the systemd credential (systemd.exec(5), `LoadCredential=`)."""

_OF_SERVICE = Path("/run/credentials/edgepind.service")
"""Where root and the service's user find what systemd gave the service: for commands by hand."""
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ProxyCredentials:
    """The value of `Proxy-Authorization` by the Basic scheme (RFC 7617); None: none are given."""

    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NoProxyCredentials:
    """Why those that the settings name cannot be had: a clause with the file and the remedy."""

    error: str


def read_proxy_credentials(configured: str) -> ProxyCredentials | NoProxyCredentials:
    """Read `cloud.proxy_credentials_file`, or, where that is "", the systemd credential.

    A proxy need not ask for any, so a credential that is not there or empty stands for none.
    """
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(configured) if configured else Path(given or _OF_SERVICE) / CREDENTIAL
    match read_small_file(path, _LONGEST, follow=True):
        case SmallFile(content) if configured or content.strip():
            return _credentials(path, content)
        case NoFile() if configured:
            return NoProxyCredentials(f"the file of the proxy's credentials {path} does not exist")
        case TooLarge(reason):
            return NoProxyCredentials(f"{reason}, which no user and password are")
        case Unreadable(error) if configured or given:
            return NoProxyCredentials(error)
        case SmallFile() | NoFile() | Unreadable():
            return ProxyCredentials()


def _credentials(path: Path, content: bytes) -> ProxyCredentials | NoProxyCredentials:
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    try:
        written = line.decode("utf-8")
    except UnicodeDecodeError:
        return NoProxyCredentials(
            f"what stands in {path} is not text; write USER:PASSWORD as UTF-8"
        )
    user, colon, _ = written.partition(":")
    if not user or not colon or not written.isprintable():
        return NoProxyCredentials(
            f"what stands in {path} is not one line of the form USER:PASSWORD; write it so"
        )
    return ProxyCredentials(f"Basic {base64.b64encode(line).decode()}")
