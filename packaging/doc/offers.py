"""Writes `offers.md` from the matrix of offers: `make doc`. A test fails when it has drifted."""

from pathlib import Path

from edgepind.model.enums import HighestTls
from tests.support.offers_matrix import Cell, cells

TARGET = Path(__file__).with_name("offers.md")

_HEAD = """\
# What an Edge may be served

Made from `tests/support/offers_matrix.py` by `make doc`; not to be edited by hand. A server with
certificates for several kinds of key shows one of them, by the version, the suites and the order of
signatures that a client offers. `tests/link/` holds every cell against a real server: a look sees
just these leaves. It also holds that what real clients (OpenSSL, GnuTLS, Java, Node, where they are
installed) are served is among them.

The columns are `edge.tls`. A leaf that is named must be pinned, or such an Edge may be locked out;
`none` means that it connects to nobody there, and the finding is `cipher_mismatch`.

Over TLS 1.3 no suite says anything of keys, so a list of RSA suites keeps an ECDSA certificate away
only where TLS 1.2 is spoken. What is not seen: a third certificate, for a kind of key beside these
two (Ed25519), that a server shows only to clients which do not offer the others; and, where the
`openssl` command is missing, the second certificate of a server that speaks TLS 1.3 alone.

"""


def render() -> str:
    """The whole document."""
    head = ("server", "its certificates", "the Edge's settings", *HighestTls)
    lines = [head, tuple("---" for _ in head), *(_row(cell) for cell in cells())]
    return _HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(cell: Cell) -> tuple[str, ...]:
    told = (" + ".join(sorted(cell.may_be_served(it), reverse=True)) for it in HighestTls)
    return (cell.versions, cell.shown, cell.settings, *(it or "none" for it in told))


if __name__ == "__main__":
    TARGET.write_text(render())
