"""Energy during a test, and how the GPU fares: read beside the test, from the watching process."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import psutil

from loadscope.devices import CUDA, kind_of
from loadscope.nvml import GpuSample, Nvml
from loadscope.rapl import EnergyCounter, energy_counters
from loadscope.rundir.device_record import EnergyRecord, GpuNoise

_SAMPLE_SECONDS = 1.0


class DeviceWatch:
    """Looks at energy counters and at one GPU while LoadGen's part of a test runs.

    What comes before, loading and warming up, is left out: only looks at a running test count.

    Args:
        device: What the model computes on.
        nvml: NVIDIA's library; None where it is not there.
        counters: Of the processors.
        clock: Seconds.
    """

    def __init__(
        self,
        device: str,
        nvml: Nvml | None = None,
        counters: Sequence[EnergyCounter] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._clock = device, clock
        self._counters = energy_counters() if counters is None else counters
        self._nvml = nvml
        if nvml is None and kind_of(device) == CUDA:
            self._nvml = Nvml.of_machine()
        self._gpu = None if self._nvml is None else self._nvml.number_of(device)
        self._samples: list[tuple[float, GpuSample]] = []
        self._others: list[int] = []
        self._readings: list[tuple[float, dict[str, float]]] = []

    def look(self, running: bool, process: int) -> None:
        """Take a reading, at most one a second.

        Args:
            running: Whether LoadGen's part of the test runs.
            process: The process of the test.
        """
        now = self._clock()
        if not running or (self._readings and now - self._readings[-1][0] < _SAMPLE_SECONDS):
            return
        told = {each.name: each.joules() for each in self._counters}
        if self._nvml is not None and self._gpu is not None:
            sample = self._nvml.sample(self._gpu)
            self._samples.append((now, sample))
            told[self._device] = sample.joules
            family = _family(process)
            # In a container NVML may number processes as the host does: then nothing is known.
            if family & set(sample.processes):
                self._others.append(len(set(sample.processes) - family))
        self._readings.append(
            (now, {name: joules for name, joules in told.items() if joules is not None})
        )

    def energy(self) -> EnergyRecord | None:
        """What was counted; None without a counter, or where the test was too short for two looks.

        A GPU without a counter of energy has its power, which is held to be even between looks.
        """
        if len(self._readings) < 2:
            return None
        (begun, first), (ended, last) = self._readings[0], self._readings[-1]
        wrapping = {each.name: each for each in self._counters}
        joules = {}
        for name in first.keys() & last.keys():
            if name not in wrapping:
                joules[name] = last[name] - first[name]
                continue
            series = [told[name] for _, told in self._readings if name in told]
            between = wrapping[name].between
            joules[name] = sum(between(*pair) for pair in pairwise(series))
        if self._samples and self._device not in joules:
            spent = _integral([(at, one.watts) for at, one in self._samples])
            joules |= {self._device: spent} if spent is not None else {}
        if not joules:
            return None
        rounded = {name: round(joules[name], 3) for name in sorted(joules)}
        return EnergyRecord(seconds=round(ended - begun, 3), joules=rounded)

    def gpu(self) -> GpuNoise | None:
        """How the GPU fared; None without one, or without NVML."""
        if not self._samples:
            return None
        samples = [sample for _, sample in self._samples]
        watts = [one.watts for one in samples if one.watts is not None]
        return GpuNoise(
            device=self._device,
            sm_mhz=tuple(one.sm_mhz for one in samples if one.sm_mhz is not None),
            celsius=max((one.celsius for one in samples if one.celsius is not None), default=None),
            watts=round(sum(watts) / len(watts), 1) if watts else None,
            throttles=tuple(dict.fromkeys(why for one in samples for why in one.throttles)),
            others=max(self._others, default=None),
        )


def _family(process: int) -> set[int]:
    try:
        children: Iterable[psutil.Process] = psutil.Process(process).children(recursive=True)
    except psutil.Error:
        return set()
    return {process, *(child.pid for child in children)}


def _integral(series: Sequence[tuple[float, float | None]]) -> float | None:
    """Joules, by trapezoids; None of fewer than two readings."""
    known = [(at, watts) for at, watts in series if watts is not None]
    if len(known) < 2:
        return None
    return sum((end - start) * (one + other) / 2 for (start, one), (end, other) in pairwise(known))
