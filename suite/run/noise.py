"""What else the machine did during a test, and whether a figure can be trusted beside it.

All of it comes from the kernel's counters, read before and after the test, and a few times in
between for the frequency; what a machine does not tell is None and warns of nothing.
"""

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from loadscope.nvml import POWER_CAP
from loadscope.rundir.device_record import GpuNoise
from loadscope.rundir.progress import NoiseSoFar
from loadscope.rundir.record import Noise

OTHERS_PERCENT = 5.0
"""Share of the machine's CPU time that other processes may use; a desktop at rest uses 1 to 2."""
STEAL_PERCENT = 1.0
"""Share that a hypervisor may take for other guests."""
FREQUENCY_SHARE = 0.9
"""Lowest frequency of the test over its highest: the figure moves by about as much."""
STALL_PERCENT = 1.0
"""Share of the time in which some task may wait for memory (``/proc/pressure/memory``)."""
_QUOTA_PERCENT = 1.0
_SAMPLE_SECONDS = 5.0


@dataclass(frozen=True)
class _Counters:
    """Running totals; seconds, except ``heat`` (events) and ``swapped`` (pages)."""

    clock: float
    busy: float
    steal: float
    own: float
    heat: int | None
    quota: float | None
    stall: float | None
    swapped: int | None


class NoiseWatch:
    """Watches the machine from its making to ``finish``; the test is a child that ends between.

    Args:
        waiting: The number of the child where it is there already; what it has done does not
            count.
    """

    def __init__(self, waiting: int | None = None) -> None:
        self._load = [os.getloadavg()[0]]
        self._frequencies: list[float] = []
        self._sampled = 0.0
        first = _read_counters()
        done = 0.0 if waiting is None else _tree_seconds(waiting)
        self._first = replace(first, own=first.own + done)

    def sample(self) -> None:
        """Read the frequency, at most every few seconds however often this is called."""
        now = time.monotonic()
        if now - self._sampled >= _SAMPLE_SECONDS:
            self._sampled = now
            self._load.append(os.getloadavg()[0])
            frequency = _frequency()
            if frequency:
                self._frequencies.append(frequency)

    def adopt(self, process: int) -> None:
        """Count what the children of a process have done as ours: it will not wait for them."""
        done = sum(map(_tree_seconds, _children(process)))
        self._first = replace(self._first, own=self._first.own - done)

    def so_far(self, running: int) -> NoiseSoFar:
        """What was seen until now, from counters that are quick to read.

        Args:
            running: The process of the test, whose time counts as its children's does.
        """
        start, times = self._first, psutil.cpu_times()
        capacity = max(time.monotonic() - start.clock, 1e-9) * (psutil.cpu_count() or 1)
        ours = _own_seconds() + _tree_seconds(running) - start.own
        # Over a moment, what the kernel counts in hundredths can be more than there was.
        others = min(max(0.0, _busy_seconds(times) - start.busy - ours), capacity)
        steal = max(0.0, getattr(times, "steal", 0.0) - start.steal)
        return NoiseSoFar(
            others_percent=round(100 * others / capacity, 2),
            steal_percent=round(100 * steal / capacity, 2),
        )

    def finish(self, gpu: GpuNoise | None = None) -> Noise:
        """What was seen, and warnings where it is too much.

        Args:
            gpu: What was seen of a GPU.
        """
        self._sampled = 0.0
        self.sample()
        end, start = _read_counters(), self._first
        seconds = max(end.clock - start.clock, 1e-9)
        capacity = seconds * (psutil.cpu_count() or 1)
        others = max(0.0, (end.busy - start.busy) - (end.own - start.own))
        seen = Noise(
            seconds=round(seconds, 2),
            load_average=tuple(round(load, 2) for load in self._load),
            frequency_mhz=tuple(round(frequency) for frequency in self._frequencies),
            others_percent=round(100 * others / capacity, 2),
            steal_percent=round(100 * (end.steal - start.steal) / capacity, 2),
            heat_throttles=_growth(start.heat, end.heat),
            quota_throttled_percent=_share(start.quota, end.quota, seconds),
            memory_stall_percent=_share(start.stall, end.stall, seconds),
            swapped_pages=_growth(start.swapped, end.swapped),
            gpu=gpu,
        )
        return seen.model_copy(update={"warnings": tuple(noise_warnings(seen))})


def noise_warnings(seen: Noise) -> list[str]:
    """Why a figure cannot be trusted, from what ``NoiseWatch.finish`` saw; empty if it can."""
    found = []
    if seen.others_percent > OTHERS_PERCENT:
        found.append(f"other processes used {seen.others_percent:.0f} % of the CPU")
    if seen.steal_percent > STEAL_PERCENT:
        found.append(f"the hypervisor took {seen.steal_percent:.1f} % of the CPU")
    if seen.heat_throttles:
        found.append(f"heat throttled the CPU {seen.heat_throttles} times")
    if (seen.quota_throttled_percent or 0) > _QUOTA_PERCENT:
        found.append(
            f"the control group's quota held it for {seen.quota_throttled_percent:.0f} % "
            "of the time"
        )
    frequencies = seen.frequency_mhz
    if frequencies and min(frequencies) < FREQUENCY_SHARE * max(frequencies):
        found.append(
            f"the frequency went from {max(frequencies):.0f} to {min(frequencies):.0f} MHz"
        )
    if (seen.memory_stall_percent or 0) > STALL_PERCENT:
        found.append(f"tasks waited for memory {seen.memory_stall_percent:.1f} % of the time")
    if seen.swapped_pages:
        found.append(f"{seen.swapped_pages} pages were swapped")
    return [*found, *(_gpu_warnings(seen.gpu) if seen.gpu else ())]


def _gpu_warnings(gpu: GpuNoise) -> Iterator[str]:
    # The cap of its power holds down every GPU that is well used.
    if held := [why for why in gpu.throttles if why != POWER_CAP]:
        yield f"the clock of {gpu.device} was held down: {', '.join(held)}"
    if gpu.others:
        yield f"{gpu.others} other process(es) computed on {gpu.device}"
    if gpu.sm_mhz and min(gpu.sm_mhz) < FREQUENCY_SHARE * max(gpu.sm_mhz):
        yield (f"the clock of {gpu.device} went from {max(gpu.sm_mhz)} to {min(gpu.sm_mhz)} MHz")


def _growth(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None:
        return None
    return round(100 * (after - before) / seconds, 2)


def _read_counters() -> _Counters:
    times = psutil.cpu_times()
    quota = _value(_control_group() / "cpu.stat", "throttled_usec")
    stall = _value(Path("/proc/pressure/memory"), "some")
    swapped = [_value(Path("/proc/vmstat"), name) for name in ("pswpin", "pswpout")]
    heat = [
        int(path.read_text())
        for path in Path("/sys/devices/system/cpu").glob(
            "cpu[0-9]*/thermal_throttle/core_throttle_count"
        )
    ]
    return _Counters(
        clock=time.monotonic(),
        busy=_busy_seconds(times),
        steal=getattr(times, "steal", 0.0),
        own=_own_seconds(),
        heat=sum(heat) if heat else None,
        quota=None if quota is None else quota / 1e6,
        stall=None if stall is None else stall / 1e6,
        swapped=None if None in swapped else sum(count or 0 for count in swapped),
    )


def _busy_seconds(times: object) -> float:
    # The kernel counts a guest's time under user and nice already.
    names = ("user", "nice", "system", "irq", "softirq")
    return float(sum(getattr(times, name, 0.0) for name in names))


def _own_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _tree_seconds(process: int) -> float:
    """CPU time of a process and of its children; 0 of one that has ended."""
    try:
        times = psutil.Process(process).cpu_times()
    except (OSError, psutil.Error):
        return 0.0
    ended = times.children_user + times.children_system
    return float(times.user + times.system + ended) + sum(map(_tree_seconds, _children(process)))


def _children(process: int) -> list[int]:
    # The kernel's own list; psutil's looks at every process of the machine.
    threads = Path(f"/proc/{process}/task").glob("*/children")
    try:
        return [int(child) for file in threads for child in file.read_text().split()]
    except OSError:
        return []


def _frequency() -> float | None:
    read = getattr(psutil, "cpu_freq", None)
    found = read() if read else None
    return found.current if found else None


def _control_group() -> Path:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # Version 2 has the one line '0::/path'; only it has cpu.stat beside the processes.
    path = next((line[3:] for line in lines if line.startswith("0::")), "/")
    return Path("/sys/fs/cgroup") / path.lstrip("/")


def _value(path: Path, name: str) -> int | None:
    """The number of the line that begins with ``name``: its last word, ``total=`` or bare."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        if words and words[0] == name:
            return int(words[-1].removeprefix("total="))
    return None
