"""Checks of the Edge's pinning config, and of edgepind's own folders and files."""

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.exit_code import may_not_write
from edgepind.cli.stored_state import keeper_of, read_pinning_config
from edgepind.core.messages import halves
from edgepind.effects.attributes import DueAccess, EdgeAccount
from edgepind.effects.helper_appliance import WRITE, HelperClient, helper_socket
from edgepind.effects.helper_protocol import Rehearse, Rehearsed
from edgepind.effects.pinning_text import DocumentReading
from edgepind.effects.restart import restarter
from edgepind.formats import rfc3339
from edgepind.host.file_access import Account, access_of, unreadable_for
from edgepind.host.fs import UnknownOwner
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    OverrideFile,
    OverrideRejected,
)
from edgepind.observe.tls_settings import read_offer
from edgepind.operator.override_file import read_override
from edgepind.settings.schema import EdgeSettings, Settings

_SERVICE_USER = "edgepind"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


async def check_pinning_config(settings: Settings) -> list[Fault]:
    """Read the document as the daemon does, and report every fault."""
    edge = settings.edge
    way = restarter(edge)
    try:
        account = await way.account()
    finally:
        way.close()
    return [
        *_of_reading(read_pinning_config(edge), edge),
        *_of_link(edge.pinning_config),
        *_of_attributes(edge.pinning_config, edge, account),
        *_of_reader(edge.pinning_config, account),
        *await _of_replacement(settings, account),
    ]


def _of_link(path: Path) -> Iterator[Fault]:
    """A symbolic link at the path: whoever may change it decides what the Edge believes."""
    if not path.is_symlink():
        return
    if not path.exists():
        yield error(
            "pinning-config-link",
            f"{path} is a symbolic link that leads nowhere (dangling): {os.path.realpath(path)}",
            "Mend the link with `ln -sfn`, or put a plain file there.",
        )
    owner = path.lstat().st_uid
    if owner not in {0, os.geteuid()}:
        yield error(
            "pinning-config-link",
            f"{path} is a symbolic link of user {owner}, who may lead it elsewhere",
            f"Remove it and put a plain file there, or run `chown -h root {path}`.",
        )


async def _of_replacement(settings: Settings, account: EdgeAccount) -> list[Fault]:
    """Try the replacement as the daemon would make it: by the helper, or in this process."""
    edge = settings.edge
    # Also where root asks: the daemon has another user, and the helper a sandbox of its own.
    auto = settings.paths.runtime / "apply.sock" if edge.helper == "auto" else None
    socket = helper_socket(settings) or auto
    if socket is not None and socket.exists():
        answer = await HelperClient(socket).ask(Rehearse(), WRITE)
        if not isinstance(answer, Rehearsed):
            return [_untried(edge, "the privileged helper could not be asked")]
        problem = answer.error
    elif os.geteuid() == 0 or edge.helper == "":
        problem = keeper_of(edge, account).rehearse()
    else:
        return [_untried(edge, "this user may not write it, and no privileged helper is there")]
    return [] if problem is None else [error("pinning-config-write", *halves(problem))]


def _untried(edge: EdgeSettings, why: str) -> Fault:
    what = f"whether {edge.pinning_config} can be replaced was not tried: {why}"
    return info("pinning-config-untried", what, "Run `edgepind check` as root.")


def _of_reading(reading: DocumentReading, edge: EdgeSettings) -> Iterator[Fault]:
    path = edge.pinning_config
    match reading.document:
        case DocumentMissing():
            remedy = "Correct edge.pinning_config, or let edgepind create it with the first pin."
            yield warning("pinning-config-missing", f"{path} does not exist", remedy)
        case DocumentRejected(reason, restorable):
            remedy = (
                "Correct it; a running edgepind moves it aside and restores the last good one."
                if restorable
                else "Correct it: there is no good copy of it, so it is left, and no pin adopted."
            )
            yield error("pinning-config-rejected", f"{path} cannot be used: {reason}", remedy)
        case DocumentUnreadable(sentence):
            yield error("pinning-config-unreadable", *halves(sentence))
        case DocumentRead() as document:
            yield from _of_pins(document, path)
            yield from _of_extras(document, path)
            yield from _of_tls(reading.tls, edge.tls)


def _of_pins(document: DocumentRead, path: Path) -> Iterator[Fault]:
    for refused in document.refused:
        remedy = "Replace it by a SHA-256 fingerprint, as `edgepind probe` prints it."
        yield warning("pin-refused", f"in {path} {refused}", remedy)
    if not document.accepted:
        remedy = "edgepind writes the first pin as soon as it is accepted."
        yield info("no-pin", f"{path} holds no pin", remedy)
    elif document.enabled is not True:
        remedy = "Run `edgepind explain`: it names the override or the lockout behind it."
        yield warning("pinning-off", f"pinning validation is off in {path}", remedy)


def _of_extras(document: DocumentRead, path: Path) -> Iterator[Fault]:
    if document.extras:
        what = f"{path} holds comments or trailing commas, which go when edgepind next writes it"
        yield info("pinning-config-comments", what, "Keep what they say elsewhere; all keys stay.")


def _of_tls(tls: EdgeTls, highest: HighestTls) -> Iterator[Fault]:
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
            "edgepind keeps the allowlist; the Edge adopts no pin by itself.",
        )
    for problem in read_offer(tls, highest).problems:
        yield warning("tls-settings", *halves(problem))


def _of_attributes(path: Path, edge: EdgeSettings, account: EdgeAccount) -> Iterator[Fault]:
    try:
        status = path.stat()
        found = access_of(path, status)
    except OSError:
        return  # reported above, as unreadable or missing
    due = DueAccess(edge.owner, edge.mode, lambda: account).of(found)
    if isinstance(due, UnknownOwner):
        yield error("pinning-config-owner", *halves(due.error))
        return
    remedy = "A running edgepind corrects it; or change edge.owner and edge.mode."
    if due.owner != found.owner:
        yield warning("pinning-config-owner", f"{path} has {found} and is due {due}", remedy)
    if due.entries != found.entries:
        yield warning("pinning-config-mode", f"{path} has {found} and is due {due}", remedy)
    folder = Path(os.path.realpath(path)).parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        yield error(
            "pinning-config-folder",
            f"every user may replace {path}: its folder is writable by all",
            f"Run `chmod o-w {path.parent}`.",
        )


def _of_reader(path: Path, account: EdgeAccount) -> Iterator[Fault]:
    """Whether the unit's own user can read what the Edge is to load at its next start."""
    if not isinstance(account, Account):
        return
    with suppress(OSError):  # one that is missing or cannot be looked at is reported above
        if problem := unreadable_for(account, path):
            yield error("edge-cannot-read", *halves(problem))


# --- edgepind's own files --------------------------------------------------------------------


async def check_own_files(settings: Settings) -> list[Fault]:
    """Check STATE, RUNTIME, the override, and the folder of the metrics."""
    paths, textfile = settings.paths, settings.metrics.textfile
    return [
        *_of_folder(paths.state, "state"),
        *_of_folder(paths.runtime, "runtime"),
        *_of_override(paths.runtime, paths.state),
        *(_of_metrics(Path(textfile)) if textfile else ()),
    ]


def _of_folder(folder: Path, name: str) -> Iterator[Fault]:
    try:
        status = folder.stat()
    except FileNotFoundError:
        remedy = "edgepind creates it when it starts."
        yield info(f"{name}-folder-missing", f"{folder} does not exist yet", remedy)
        return
    if not stat.S_ISDIR(status.st_mode):
        remedy = f"Move it away, or correct paths.{name}."
        yield error(f"{name}-folder-kind", f"{folder} is not a folder", remedy)
        return
    if status.st_uid not in _trusted():
        yield error(
            f"{name}-folder-owner",
            f"{folder} belongs to user {status.st_uid}, who could control edgepind",
            f"Give it to the user that edgepind runs as, with `chown`, or correct paths.{name}.",
        )
    if status.st_mode & _OTHERS:
        yield error(
            f"{name}-folder-mode",
            f"others than its owner may write to {folder} (mode {status.st_mode & 0o7777:04o})",
            f"Run `chmod go-w {folder}`.",
        )


def _trusted() -> set[int]:
    trusted = {0, os.geteuid()}
    with suppress(KeyError):  # without that user edgepind runs as root, or as the caller
        trusted.add(pwd.getpwnam(_SERVICE_USER).pw_uid)
    return trusted


def _of_override(runtime: Path, state: Path) -> Iterator[Fault]:
    match read_override(runtime, state):
        case OverrideRejected(path, reason):
            remedy = "Remove it, or write one with `edgepind override on`."
            yield warning("override-malformed", f"{path} is not a valid override: {reason}", remedy)
        case OverrideFile() as override:
            what = (
                f"an override is in force until {rfc3339(override.end)}: pinning validation is off"
            )
            yield warning("override-present", what, "End it with `edgepind override off`.")
        case None:
            pass


def _of_metrics(textfile: Path) -> Iterator[Fault]:
    if not textfile.parent.is_dir():
        remedy = "Create the folder, or correct metrics.textfile."
        yield warning("metrics-folder", f"the folder {textfile.parent} does not exist", remedy)
    elif may_not_write(textfile.parent):
        remedy = "Let the user that edgepind runs as write there."
        yield warning("metrics-folder", f"{textfile.parent} is not writable by this user", remedy)
