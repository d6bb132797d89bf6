"""Energy and a GPU's state, from a machine whose answers are written down; no GPU was at hand."""

import os
from types import SimpleNamespace

import pytest
from tests.rundir.test_devices import recorded

from loadscope.nvml import Nvml
from loadscope.rapl import energy_counters
from loadscope.rundir.device_record import EnergyRecord, GpuNoise
from loadscope.rundir.record import Noise
from loadscope.suite.run.device_watch import DeviceWatch
from loadscope.suite.run.noise import noise_warnings


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def rapl(tmp_path):
    """A package with its memory, cores that are part of it, and what may not be read."""

    def write(place, **values):
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        for file, value in values.items():
            (folder / file).write_text(f"{value}\n")

    most = 262_143_328_850
    write("intel-rapl:0", name="package-0", energy_uj=most - 2_000_000, max_energy_range_uj=most)
    write("intel-rapl:0:0", name="core", energy_uj=5, max_energy_range_uj=most)
    write("intel-rapl:0:1", name="dram", energy_uj=1_000_000, max_energy_range_uj=most)
    write("intel-rapl:1", name="package-1", max_energy_range_uj=most)
    write("intel-rapl:2", name="package-1-die-0", energy_uj=7, max_energy_range_uj=most)
    write("intel-rapl", name="")
    return tmp_path, write


def test_packages_and_their_memory_are_counted_over_a_new_beginning(rapl):
    folder, write = rapl
    counters, clock = energy_counters(folder), Clock()
    assert [counter.name for counter in counters] == [
        "package-0",
        "package-0 dram",
        "package-1-die-0",
    ]
    watch = DeviceWatch("cpu", None, counters, clock)
    watch.look(False, 1)
    for at, package in enumerate([None, 3_000_000, 13_000_000]):
        clock.now = 10.0 + at
        if package is not None:
            write("intel-rapl:0", energy_uj=package)
        watch.look(True, 1)
        # Within the second it is not read again.
        watch.look(True, 1)
    write("intel-rapl:0", energy_uj=99_000_000)
    clock.now = 20.0
    watch.look(False, 1)
    joules = {"package-0": 15.0, "package-0 dram": 0.0, "package-1-die-0": 0.0}
    assert watch.energy() == EnergyRecord(seconds=2.0, joules=joules)
    assert watch.gpu() is None


def test_without_a_counter_or_a_second_look_there_is_no_energy(rapl):
    assert DeviceWatch("cpu", None, []).energy() is None
    watch = DeviceWatch("cpu", None, energy_counters(rapl[0]))
    watch.look(True, 1)
    assert watch.energy() is None


def gpu(monkeypatch, **changes):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    series = {name: iter(values) for name, values in changes.items() if isinstance(values, list)}
    answers = {name: (lambda *_, one=one: next(one)) for name, one in series.items()}
    return Nvml(recorded(**{**changes, **answers}))


def test_a_gpu_is_watched_while_the_test_runs(monkeypatch):
    ours, other = SimpleNamespace(pid=os.getpid()), SimpleNamespace(pid=1)
    nvml = gpu(
        monkeypatch,
        nvmlDeviceGetTotalEnergyConsumption=[1_000_000, 1_060_000, 1_130_000],
        nvmlDeviceGetClockInfo=[1980, 1980, 1500],
        nvmlDeviceGetTemperature=[55, 88, 80],
        nvmlDeviceGetPowerUsage=[60_000, 70_000, 80_000],
        nvmlDeviceGetCurrentClocksEventReasons=[0x4, 0x40, 0x4],
        nvmlDeviceGetComputeRunningProcesses=[[ours], [ours, other], [ours]],
    )
    clock = Clock()
    watch = DeviceWatch("cuda:1", nvml, [], clock)
    for at in range(3):
        clock.now = float(at)
        watch.look(True, os.getpid())
    assert watch.energy() == EnergyRecord(seconds=2.0, joules={"cuda:1": 130.0})
    seen = watch.gpu()
    assert seen == GpuNoise(
        device="cuda:1",
        sm_mhz=(1980, 1980, 1500),
        celsius=88,
        watts=70.0,
        throttles=("power cap", "heat (hardware)"),
        others=1,
    )
    assert noise_warnings(Noise(seconds=2.0, gpu=seen)) == [
        "the clock of cuda:1 was held down: heat (hardware)",
        "1 other process(es) computed on cuda:1",
        "the clock of cuda:1 went from 1980 to 1500 MHz",
    ]


def test_without_a_counter_of_energy_power_is_summed_and_other_namespaces_are_unknown(monkeypatch):
    nvml = gpu(
        monkeypatch,
        nvmlDeviceGetTotalEnergyConsumption=None,
        nvmlDeviceGetPowerUsage=[40_000, 60_000, 60_000],
    )
    clock = Clock()
    watch = DeviceWatch("cuda", nvml, [], clock)
    for at in (0.0, 2.0, 3.0):
        clock.now = at
        watch.look(True, os.getpid())
    # 2 s of 50 W and 1 s of 60 W.
    assert watch.energy() == EnergyRecord(seconds=3.0, joules={"cuda": 160.0})
    seen = watch.gpu()
    assert seen is not None
    assert seen.others is None
