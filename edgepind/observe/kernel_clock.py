"""What the kernel says of its own clock: synchronised or not, and how far off at most.

Reads and never sets: `modes` is zero, which needs no privilege (adjtimex(2)). A sandbox may still
forbid the call (`ProtectClock=`, a filter without clock_adjtime); then there is no reading.
"""

import ctypes

from edgepind.model.observation import ClockReading, ClockSource

_TIME_UNSYNCED = 0x0040  # STA_UNSYNC
_IN_NANOSECONDS = 0x2000  # STA_NANO
_RESERVED = 11


class _Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * _RESERVED),
    )


def read_kernel_clock() -> ClockReading | None:
    """One reading of adjtimex(2); None where the clock is not synchronised or the call is barred.

    `offset` is what the kernel is still to add, so the clock is ahead by its negative;
    `maxerror` is the bound that the kernel itself keeps, and lets grow while nobody disciplines
    the clock.
    """
    timex = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
        return None
    return kernel_reading(timex.offset, timex.maxerror, timex.status)


def kernel_reading(offset: int, maxerror: int, status: int) -> ClockReading | None:
    """What the fields of `struct timex` say; `maxerror` is in microseconds."""
    if status & _TIME_UNSYNCED:
        return None
    second = 1e9 if status & _IN_NANOSECONDS else 1e6
    return ClockReading(ClockSource.KERNEL, -offset / second, maxerror / 1e6)
