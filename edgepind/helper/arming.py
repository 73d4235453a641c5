"""Has systemd run what ends an opening: its timer is started while one is recorded.

It is started over D-Bus by whoever grants an opening. At boot systemd starts it by itself where a
record is there.
"""

from edgepind.effects.system_bus import BusUnavailableError, CallRefusedError, Party, SystemBus

_SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = Party(_SYSTEMD, "/org/freedesktop/systemd1")


async def arm(timer: str, bus_address: str | None = None) -> str | None:
    """Start the timer; one that runs goes on. A sentence, where systemd does not.

    `bus_address` None: the system bus.
    """
    return await _call("StartUnit", timer, bus_address)


async def disarm(timer: str, bus_address: str | None = None) -> str | None:
    """Stop the timer, for nothing is recorded. A sentence, where systemd does not."""
    return await _call("StopUnit", timer, bus_address)


async def _call(method: str, timer: str, bus_address: str | None) -> str | None:
    bus = SystemBus(bus_address)
    try:
        await bus.call(_MANAGER, f"{_SYSTEMD}.Manager.{method}", "ss", timer, "replace")
    except (BusUnavailableError, CallRefusedError) as error:
        return f"systemd does not answer for {timer} ({method}): {error}"
    finally:
        bus.close()
    return None
