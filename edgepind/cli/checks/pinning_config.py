"""The Edge's pinning config: its shape, its pins, its owner and mode, its `tlsSettings`."""

import stat
from collections.abc import Iterator
from pathlib import Path

from edgepind.cli.checks.fault import Fault, error, halves, info, warning
from edgepind.effects.appliance import DocumentReading
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.host.file_owner import UnknownOwner, find_owner
from edgepind.model.edge_tls import EdgeTls
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)
from edgepind.observe.tls_settings import read_offer
from edgepind.settings.schema import EdgeSettings, Settings

_PERMISSIONS = 0o7777


async def check_pinning_config(settings: Settings) -> list[Fault]:
    """Read the document as the daemon does, and say everything that strikes."""
    edge = settings.edge
    reading = DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, looks_only=True).read()
    return [*_of_reading(reading, edge), *_of_attributes(edge.pinning_config, edge)]


def _of_reading(reading: DocumentReading, edge: EdgeSettings) -> Iterator[Fault]:
    path = edge.pinning_config
    match reading.document:
        case DocumentMissing():
            remedy = "Correct edge.pinning_config, or let edgepind make it with the first pin."
            yield warning("pinning-config-missing", f"there is no {path}", remedy)
        case DocumentRejected(reason):
            remedy = "Mend it; a running edgepind sets it aside and restores the last good one."
            yield error("pinning-config-rejected", f"{path} cannot be used: {reason}", remedy)
        case DocumentUnreadable(sentence):
            yield error("pinning-config-unreadable", *halves(sentence))
        case DocumentRead() as document:
            yield from _of_pins(document, path)
            yield from _of_tls(reading.tls)


def _of_pins(document: DocumentRead, path: Path) -> Iterator[Fault]:
    for refused in document.refused:
        remedy = "Replace it by a SHA-256 fingerprint, as `edgepind probe` prints it."
        yield warning("pin-refused", f"in {path} {refused}", remedy)
    if not document.accepted:
        remedy = "Nothing to do: edgepind writes the first pin when it is known."
        yield info("no-pin", f"{path} holds no pin", remedy)
    elif document.enabled is not True:
        remedy = "`edgepind explain` tells whether an override or a lockout is why."
        yield warning("pinning-off", f"pinning validation is off in {path}", remedy)


def _of_tls(tls: EdgeTls) -> Iterator[Fault]:
    if tls.strict_validation is False:
        yield warning(
            "strict-validation-off",
            "tlsSettings.strictValidation is false: without pinning, the Edge checks no CA chain",
            "Set it to true; edgepind never changes it.",
        )
    if tls.allow_rotation is False:
        yield info(
            "allow-rotation-off",
            "allowRotation is false, which binds the Edge's own validator and not edgepind",
            "Nothing to do: edgepind keeps the allowlist, and the Edge learns no pin by itself.",
        )
    for problem in read_offer(tls).problems:
        yield warning("tls-settings", *halves(problem))


def _of_attributes(path: Path, edge: EdgeSettings) -> Iterator[Fault]:
    owner = find_owner(edge.owner)
    if isinstance(owner, UnknownOwner):
        yield error("pinning-config-owner", *halves(owner.error))
        return
    try:
        status = path.stat()
    except OSError:
        return  # told already, as unreadable or missing
    remedy = "A running edgepind puts it right; or correct edge.owner and edge.mode."
    if not owner.owns(status):
        what = f"{path} belongs to {status.st_uid}:{status.st_gid} and not to {edge.owner}"
        yield warning("pinning-config-owner", what, remedy)
    mode = status.st_mode & _PERMISSIONS
    if mode != edge.mode:
        what = f"{path} has mode {mode:04o} and not {edge.mode:04o}"
        yield warning("pinning-config-mode", what, remedy)
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        yield error(
            "pinning-config-folder",
            f"everybody may replace {path}, for its folder is open to all",
            f"Run `chmod o-w {path.parent}`.",
        )
