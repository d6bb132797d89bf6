"""LoadGen and its SUT in network namespaces, and what a delay adds to Server's p99.

They need a quiet machine and root, and take minutes: ``make test-network`` runs them, ``make test``
does not. Where the kernel has no netem, the delay is a program's between the two.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.suite.serve.network import Way

from loadscope.sut.network.client import SutClient
from loadscope.sut.network.protocol import TOKEN

COMMAND = [sys.executable, "-P", "-m", "loadscope"]
RATE, LATENCY_US = 30, 8000


@contextlib.contextmanager
def serving(prefix, tiny, environment, *more):
    """``serve-sut`` in a process of its own; gives its port."""
    arguments = ["serve-sut", "--models", tiny, "--model", "tiny", "--framework", "null",
                 "--workers", "4", "--threads", "1", "--port", "0",
                 "--option", f"delay_us={LATENCY_US}", *more]  # fmt: skip
    process = subprocess.Popen(
        [*prefix, *COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
        env={**environment, TOKEN: "a-word"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.search(r":(\d+)  ", line)
        assert port is not None, f"expected the server's address, got {line!r}"
        yield int(port[1])
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def run(tiny, tiny_dataset, environment, tmp_path):
    """A Server run; gives its result."""

    def measured(prefix, address, name):
        arguments = ["run", "--models", tiny, "--model", "tiny", "--framework", "null",
                     "--scenario", "Server", "--dataset-path", tiny_dataset,
                     "--target-qps", RATE, "--min-duration", "20s", "--json",
                     "--output", tmp_path / name]  # fmt: skip
        more = ["--sut", address] if address else ["--option", f"delay_us={LATENCY_US}",
                                                   "--workers", "4", "--threads", "1"]  # fmt: skip
        done = subprocess.run(
            [*prefix, *COMMAND, *map(str, [*arguments, *more])], capture_output=True, text=True,
            env={**environment, TOKEN: "a-word", "LOADSCOPE_LAYOUT_SECONDS": "0"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return measured


@pytest.fixture
def two_hosts():
    """Two namespaces that are joined by a cable; gives what runs a command in each."""
    first, second = f"lon-{os.getpid()}-a", f"lon-{os.getpid()}-b"
    made = subprocess.run(["ip", "netns", "add", first], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"network namespaces are refused here: {made.stderr.strip()}")
    inside = [["ip", "netns", "exec", name] for name in (first, second)]
    try:
        for command in (
            f"ip netns add {second}",
            f"ip -n {first} link add cable type veth peer name cable netns {second}",
            f"ip -n {first} addr add 10.77.0.1/24 dev cable",
            f"ip -n {second} addr add 10.77.0.2/24 dev cable",
            *(f"ip -n {name} link set {link} up" for name in (first, second)
              for link in ("lo", "cable")),
        ):  # fmt: skip
            subprocess.run(command.split(), check=True)
        yield inside
    finally:
        for name in (first, second):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.parametrize("delay", [0, 1, 10])
def test_loadgen_and_the_sut_are_on_two_hosts(two_hosts, tiny, environment, run, delay):
    here, there = two_hosts
    if delay:
        made = subprocess.run(
            [*here, *f"tc qdisc add dev cable root netem delay {delay}ms".split()],
            capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"no netem in this kernel: {made.stderr.strip().splitlines()[-1]}")
    with serving(there, tiny, environment, "--host", "10.77.0.2") as port:
        result = run(here, f"http://10.77.0.2:{port}", "remote")
    least = LATENCY_US * 1e3 + delay * 1e6
    assert result["latency_ns"]["p50"] > least
    assert any("reached by the network" in note for note in result["notes"])


@pytest.mark.parametrize("delay", [1, 10])
def test_p99_is_that_of_a_local_run_and_of_the_network(tiny, environment, run, delay, monkeypatch):
    local = run([], None, "local")["latency_ns"]["p99"]
    monkeypatch.setenv(TOKEN, "a-word")
    with serving([], tiny, environment) as port:
        way = Way(port, delay / 1e3)
        address = f"http://127.0.0.1:{way.port}"
        alone = round_trips(SutClient(address), LATENCY_US * 1e3)
        result = run([], address, "remote")
        way.cut()
    found, expected = result["latency_ns"]["p99"], local + alone
    print(f"\ndelay {delay} ms: p99 {found / 1e6:.2f} ms; local {local / 1e6:.2f} ms, "
          f"network {alone / 1e6:.2f} ms; ratio {found / expected:.3f}")  # fmt: skip
    if found != pytest.approx(expected, rel=0.1) and os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip(f"the machine is loaded ({os.getloadavg()[0]:.0f}): the figures tell nothing")
    assert found == pytest.approx(expected, rel=0.1)


def round_trips(client, computing_ns):
    """The p99 of what the way there and back takes, with a batch as LoadGen sends it."""
    batch, times = {"image": np.zeros((1, 3, 32, 32), np.float32)}, []
    for _ in range(300):
        begun = time.perf_counter_ns()
        client.predict(batch)
        times.append(time.perf_counter_ns() - begun - computing_ns)
    client.close()
    return float(np.percentile(times, 99))
