import subprocess
import sys
from dataclasses import replace
from typing import Any

import psutil
import pytest

from loadscope.rundir.record import Noise
from loadscope.suite.run import noise
from loadscope.suite.run.noise import NoiseWatch, noise_warnings

QUIET: dict[str, Any] = {
    "seconds": 1.0,
    "others_percent": 1.0,
    "steal_percent": 0.1,
    "heat_throttles": 0,
    "quota_throttled_percent": 0.0,
    "frequency_mhz": [3000, 2900, 3000],
    "memory_stall_percent": 0.0,
    "swapped_pages": 0,
}


def test_a_quiet_machine_and_one_that_tells_nothing_warn_of_nothing():
    assert noise_warnings(Noise(**QUIET)) == []
    silent = dict.fromkeys(
        ("heat_throttles", "quota_throttled_percent", "memory_stall_percent", "swapped_pages")
    )
    assert noise_warnings(Noise(**{**QUIET, **silent, "frequency_mhz": []})) == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"others_percent": 23.4}, "other processes used 23 % of the CPU"),
        ({"steal_percent": 2.0}, "the hypervisor took 2.0 % of the CPU"),
        ({"heat_throttles": 3}, "heat throttled the CPU 3 times"),
        ({"quota_throttled_percent": 40.0}, "the control group's quota held it for 40 %"),
        ({"frequency_mhz": [3000, 2000]}, "the frequency went from 3000 to 2000 MHz"),
        ({"memory_stall_percent": 7.0}, "tasks waited for memory 7.0 % of the time"),
        ({"swapped_pages": 12}, "12 pages were swapped"),
    ],
)
def test_each_disturbance_is_named(change, warning):
    (found,) = noise_warnings(Noise(**{**QUIET, **change}))
    assert found.startswith(warning)


BURN = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"


def test_the_time_of_a_child_is_told_from_that_of_others(monkeypatch):
    counters: dict[str, Any] = {"own": 100.0, "busy": 1000.0}
    read = noise._read_counters

    def scripted():
        return replace(read(), **counters)

    monkeypatch.setattr(noise, "_read_counters", scripted)
    watch = NoiseWatch()
    counters.update(own=101.0, busy=1001.0)
    assert watch.finish().others_percent == 0
    watch = NoiseWatch()
    counters.update(own=102.0, busy=1005.0)
    assert watch.finish().others_percent > 0


def test_noise_so_far_is_what_others_used(monkeypatch):
    watch = NoiseWatch()
    start, cores = watch._first, psutil.cpu_count() or 1
    monkeypatch.setattr("time.monotonic", lambda: start.clock + 10)
    monkeypatch.setattr(noise, "_busy_seconds", lambda times: start.busy + 4 * cores)
    monkeypatch.setattr(noise, "_own_seconds", lambda: start.own + cores)
    monkeypatch.setattr(noise, "_tree_seconds", lambda process: 2.0 * cores)
    assert watch.so_far(1).others_percent == 10


def test_the_time_of_a_running_test_and_of_its_children_is_its_own():
    code = f"import os, time, sys\nos.fork()\n{BURN}\nprint(flush=True)\nsys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    with process, process.stdin:
        # Both have burnt their second.
        process.stdout.readline()
        process.stdout.readline()
        # The kernel counts in hundredths.
        assert noise._tree_seconds(process.pid) >= 1.9
    assert noise._tree_seconds(process.pid) == 0


def test_the_time_of_a_child_that_nobody_waits_for_can_be_taken_over():
    waits = "import os, sys\nif os.fork():\n sys.stdin.read()\n os._exit(0)\n"
    watch = NoiseWatch()
    before = watch._first.own
    process = subprocess.Popen(
        [sys.executable, "-c", f"{waits}{BURN}\nprint(flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    with process, process.stdin:
        process.stdout.readline()
        watch.adopt(process.pid)
        assert watch._first.own <= before - 0.9


def test_a_childs_time_is_counted_when_it_has_ended():
    before = noise._read_counters().own
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert noise._read_counters().own - before >= 1
