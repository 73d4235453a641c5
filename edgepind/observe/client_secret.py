"""Where the OAuth client secret is read from, each time that it is needed.

A secret that was replaced is so taken up without a restart. It never enters a message.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.host.bounded_read import NoFile, SmallFile, TooLarge, Unreadable, read_small_file

CREDENTIAL = "edgepind.oauth-secret"
"""The name of the systemd credential (systemd.exec(5), `LoadCredential=`)."""

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The secret itself, without the line end that editors add."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoClientSecret:
    """Why there is none, in a clause that names the file and the remedy."""

    error: str


def read_client_secret(client_secret_file: str) -> ClientSecret | NoClientSecret:
    """Read `client_secret_file`, or, where that is "", the systemd credential."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not client_secret_file and not folder:
        return NoClientSecret(
            "there is no client secret: set client_secret_file, or give the service the "
            f"credential {CREDENTIAL}"
        )
    path = Path(client_secret_file) if client_secret_file else Path(folder or "") / CREDENTIAL
    match read_small_file(path, _LONGEST, follow=True):
        case SmallFile(content):
            return _secret(path, content)
        case NoFile():
            return NoClientSecret(f"the client secret's file {path} does not exist; make it")
        case TooLarge(reason):
            return NoClientSecret(f"{reason}, which no client secret is")
        case Unreadable(error):
            return NoClientSecret(error)


def _secret(path: Path, content: bytes) -> ClientSecret | NoClientSecret:
    try:
        value = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return NoClientSecret(f"the client secret in {path} is not text; write it as UTF-8")
    if not value:
        return NoClientSecret(f"the client secret's file {path} is empty; write the secret into it")
    if not value.isprintable():
        return NoClientSecret(f"the client secret in {path} is more than one line of text")
    return ClientSecret(value)
