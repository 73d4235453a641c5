"""The kernel's word on its clock is read, never written, and may be missing."""

import os
import subprocess
import sys

import pytest

from edgepind.model.observation import ClockReading, ClockSource
from edgepind.observe.clock_quality import kernel_reading, read_kernel_clock

PLL, UNSYNC, NANO = 0x0001, 0x0040, 0x2000


def test_an_unsynchronised_clock_gives_no_reading() -> None:
    """The kernel then knows nothing that we do not."""
    assert kernel_reading(0, 16_000_000, UNSYNC) is None
    assert kernel_reading(0, 16_000_000, UNSYNC | PLL | NANO) is None


def test_what_the_kernel_will_add_is_what_the_clock_is_behind() -> None:
    """In microseconds, or in nanoseconds where the status says so."""
    behind = kernel_reading(250_000, 17_000, PLL)
    assert behind == ClockReading(ClockSource.KERNEL, -0.25, 0.017)
    ahead = kernel_reading(-250_000_000, 17_000, PLL | NANO)
    assert ahead is not None
    assert ahead.ahead == pytest.approx(0.25)
    assert ahead.uncertainty == pytest.approx(0.017)


def test_the_real_kernel_can_be_asked() -> None:
    """By whoever runs this; the answer depends on the host."""
    reading = read_kernel_clock()
    if reading is not None:
        assert abs(reading.ahead) < 1
        assert 0 <= reading.uncertainty <= 17


# adjtimex(2) and clock_adjtime(2) by number.
CALLS = {"x86_64": (159, 305), "aarch64": (171, 266)}

# Bars the two calls as a filter of systemd does, with EPERM, and forbids memory that can be
# written and executed (prctl(2): PR_SET_MDWE, Linux 6.3), as MemoryDenyWriteExecute= does.
SANDBOXED = """
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(65, 1, 0, 0, 0)
load, equal, give = 0x20, 0x15, 0x06
words = [(load, 0, 0, 0)]
barred = [int(number) for number in sys.argv[1:]]
words += [(equal, len(barred) - at, 0, number) for at, number in enumerate(barred)]
words += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x00050001)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))
program = Program(len(words), ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program)) == 0
from edgepind.observe.clock_quality import read_kernel_clock
print(libc.adjtimex(ctypes.create_string_buffer(512)), read_kernel_clock())
"""


@pytest.mark.skipif(os.uname().machine not in CALLS, reason="the calls' numbers are not known")
@pytest.mark.parametrize("barred", [True, False])
def test_a_sandbox_may_bar_the_call_and_nothing_breaks(*, barred: bool) -> None:
    """Under `ProtectClock=` there is one witness less; hardened memory is no obstacle."""
    numbers = CALLS[os.uname().machine] if barred else ()
    told = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", SANDBOXED, *map(str, numbers)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    result, _, reading = told.partition(" ")
    assert (result == "-1") is barred
    assert (reading == "None") is (barred or read_kernel_clock() is None)
