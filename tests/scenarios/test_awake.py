import os
import resource
import subprocess
import sys

import psutil
import pytest

from loadscope.errors import WorkError
from loadscope.scenarios.answering import Answering
from loadscope.scenarios.awake import Awake
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.server import ServerDriver
from loadscope.scenarios.topology import Core, read_topology

# Lives until it is killed, or the test is gone.
ALONE = """
import sys
from loadscope.scenarios.awake import Awake
Awake().start()
print("started", flush=True)
sys.stdin.read()
"""


class Nothing(Answering):
    def __init__(self):
        self.order = None


def started(made):
    """Start ``made``; the processes that it started, and none that other tests left running."""
    others = set(psutil.Process().children())
    made.start()
    return [one for one in psutil.Process().children() if one not in others]


@pytest.fixture
def awake():
    made = Awake()
    yield started(made)
    made.stop()


def test_each_core_has_a_process_of_the_idle_class_in_the_same_session(awake, wait_for):
    assert len(awake) == len(read_topology())
    wait_for(lambda: all(os.sched_getscheduler(one.pid) == os.SCHED_IDLE for one in awake))
    assert sorted(one.cpu_affinity() for one in awake) == [
        [core.cpus[0]] for core in sorted(read_topology(), key=lambda core: core.cpus[0])
    ]
    assert {os.getsid(one.pid) for one in awake} == {os.getsid(0)}


def test_a_core_falls_idle_again_and_again_so_that_the_kernel_balances(awake, wait_for):
    before = [one.num_ctx_switches().voluntary for one in awake]
    assert before
    # Waiting for its turn is no voluntary switch.
    wait_for(
        lambda: all(
            one.num_ctx_switches().voluntary >= count + 100
            for one, count in zip(awake, before, strict=True)
        )
    )


def test_a_core_that_cannot_be_kept_awake_is_told(monkeypatch):
    absent = Core(0, 0, 0, 0, 0, (1023,))
    monkeypatch.setattr("loadscope.scenarios.awake.read_topology", lambda: [absent])
    made = Awake()
    with pytest.raises(WorkError, match="keeps CPU 1023 awake ended"):
        made.start()


def test_a_core_that_did_not_stay_awake_is_told(wait_for):
    made = Awake()
    one, *others = started(made)
    (cpu,) = one.cpu_affinity()
    one.kill()
    wait_for(lambda: ended(one))
    with pytest.raises(WorkError, match=f"kept CPU {cpu} awake ended during the test"):
        made.stop()
    assert not any(other.is_running() for other in others)


def test_they_end_when_told_to_and_their_time_is_this_process_s_own(wait_for):
    def own():
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    before, made = own(), Awake()
    spinning = started(made)
    wait_for(lambda: all(one.cpu_times().user >= 0.1 for one in spinning))
    made.stop()
    assert spinning and not any(one.is_running() for one in spinning)
    # Else the noise of a run would tell of other processes.
    assert own() - before >= 0.1 * len(spinning)


@pytest.mark.parametrize("idle_poll", [True, False])
def test_server_has_them_from_its_start_to_its_end_where_asked(idle_poll):
    driver = ServerDriver(
        Nothing(), 1, 1, 0.0, 0.0, idle_poll, Recorder(), lambda error: pytest.fail(str(error))
    )
    spinning = started(driver)
    assert len(spinning) == (len(read_topology()) if idle_poll else 0)
    assert all(one.is_running() for one in spinning)
    driver.stop()
    assert not any(one.is_running() for one in spinning)


def test_they_end_with_a_process_that_is_killed(wait_for):
    process = subprocess.Popen(
        [sys.executable, "-c", ALONE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    spinning = psutil.Process(process.pid).children()
    assert spinning
    process.kill()
    process.communicate()
    wait_for(lambda: all(ended(one) for one in spinning))


def ended(process):
    # Whoever takes over an orphan may never ask how it ended.
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
