"""The ends that no fault may have, looked for in what a site leaves behind."""

import json
from collections.abc import Iterator
from typing import Any

from tests.support.small_site import Site

_REFUSED = {None, "", "null"}


def is_a_cause(said: str) -> bool:
    """Whether a message tells a person anything: it is there, and no traceback."""
    return bool(said.strip()) and "Traceback" not in said


def forbidden_ends(site: Site, accepted: set[str]) -> list[str]:
    """Name each forbidden end that shows in a site's document, status file and log.

    `accepted` are the fingerprints that the policy allows in the document. A hang shows as a test
    that waits in vain, and needs no look.
    """
    log = site.daemon.log.read_text("utf-8", "replace") if site.daemon.log.exists() else ""
    ends = list(_of_document(site, accepted))
    if "Traceback" in log:
        ends.append("a crash without a cause told")
    edge = site.daemon.status().get("edge", {})
    if edge.get("loaded") is False and edge.get("restart_owed") is False:
        ends.append("a lost debt: the Edge has not loaded the document and no restart is owed")
    return ends


def _of_document(site: Site, accepted: set[str]) -> Iterator[str]:
    try:
        content: Any = json.loads(site.document.read_text("utf-8"))
        pinning: dict[str, Any] = content["certificatePinning"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"a torn document: {error!r}"
        return
    if content.get("edgeId") != "e-1":
        yield "a document that lost the operator's keys"
    if "enabled" not in pinning:
        return  # before the first pin nothing is written
    pins = pinning.get("fingerprints")
    if not pins or pinning.get("fingerprint") in _REFUSED or set(pins) & _REFUSED:
        yield "an empty allowlist"
    elif strangers := set(pins) - accepted:
        yield f"a pin accepted outside the policy: {', '.join(sorted(strangers))}"
