"""What the kernel counts of another process: CPU, memory, switches and octets written (proc(5)).

CPU time rather than wall time wherever it will do: on a machine that others use, it is what
the process itself took.
"""

import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

_WHOLE_PROCESS = 2  # CPUCLOCK_SCHED of the kernel's posix-timers.h


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU and of wall time."""

    cpu: float
    wall: float

    def over(self, times: int) -> "Cost":
        """The cost of one of so many."""
        return Cost(self.cpu / times, self.wall / times)


@dataclass(frozen=True, slots=True)
class Written:
    """Octets that a process handed to `write(2)`, and that it made the disk take."""

    asked: int
    to_disk: int

    def since(self, before: "Written") -> "Written":
        """What came in addition."""
        return Written(self.asked - before.asked, self.to_disk - before.to_disk)


def cpu_of(pid: int) -> float:
    """Seconds of CPU of all threads of a process that is alive, to the nanosecond.

    The clock's number is made of the pid as clock_getcpuclockid(3) makes it.
    """
    return time.clock_gettime((~pid << 3) | _WHOLE_PROCESS)


async def cost_of_each(pid: int, once: Callable[[], Awaitable[object]], count: int) -> Cost:
    """What a process spends on one of so many things, each begun when the one before is over."""
    cpu, wall = cpu_of(pid), time.monotonic()
    for _ in range(count):
        await once()
    return Cost(cpu_of(pid) - cpu, time.monotonic() - wall).over(count)


def cpu_of_ended_children() -> float:
    """Seconds of CPU of every child of this process that has ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(pid: int) -> int:
    """Octets of memory that are resident."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS") * 1024


def descriptors(pid: int) -> int:
    """How many file descriptors the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def went_to_sleep(pid: int) -> int:
    """How often a thread of the process gave the CPU up by itself: it wakes as often."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(_field(thread / "status", "voluntary_ctxt_switches") for thread in threads)


def written_by(pid: int) -> Written:
    """What the process wrote since it began. Sockets are not among it: they are sent to."""
    path = Path(f"/proc/{pid}/io")
    return Written(_field(path, "wchar"), _field(path, "write_bytes"))


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        label, _, value = line.partition(":")
        if label == name:
            return int(value.split()[0])
    raise LookupError(f"{path} has no {name}")
