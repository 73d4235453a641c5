"""What a site's daemon told, and the announcement that gives it something to write."""

from datetime import UTC, datetime, timedelta

from edgepind.lab.pki import Credential
from tests.support.small_site import Site


def told(site: Site, name: str) -> str:
    """The last message of an event. Raises IndexError where it was never told."""
    site.daemon.follow()
    events = [it for it in site.daemon.events if it.get("EDGEPIND_EVENT") == name]
    return str(events[-1]["MESSAGE"])


def announce(site: Site) -> Credential:
    """Announce the next certificate, so that the document is to be written."""
    fresh = site.issue()
    site.cloud.announce(fresh, datetime.now(UTC) + timedelta(hours=1))
    return fresh
