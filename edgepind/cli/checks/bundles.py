"""Checks of `[bundle]`: whose keys may sign, and whether `bundle.url` serves a bundle."""

from edgepind.cli.checks.fault import Fault, error, warning
from edgepind.clock import SystemClock
from edgepind.core.messages import halves
from edgepind.settings.schema import Settings


async def check_bundles(settings: Settings) -> list[Fault]:
    """Read every key as the daemon does, and ask the URL once."""
    if not settings.bundle.keys:
        return [_unused()] if settings.bundle.url else []
    from edgepind.bundle.keys import read_keys  # noqa: PLC0415  only where [bundle] is in use

    keys = read_keys(settings.bundle.keys, settings.paths.state)
    faults = [error("bundle-key", *halves(it.error)) for it in keys.refused]
    if settings.bundle.url:
        faults += await _of_url(settings)
    return faults


def _unused() -> Fault:
    what = "bundle.url is set and bundle.keys is empty, so that nothing of it would be believed"
    return warning(
        "bundle-url-unused", what, "Name the public key of whoever signs in bundle.keys."
    )


async def _of_url(settings: Settings) -> list[Fault]:
    from edgepind.observe.bundle_poll import BundlePoll, NoBundle  # noqa: PLC0415
    from edgepind.observe.resolve import Resolver  # noqa: PLC0415

    url = settings.bundle.url
    found = await BundlePoll(url, settings.cloud, Resolver(), SystemClock().now).fetch()
    if not isinstance(found, NoBundle):
        return []
    remedy = "Check the name, the firewall and what is served there; its chain must be public."
    return [warning("bundle-url", f"{url} gives no bundle: {found.error}", remedy)]
