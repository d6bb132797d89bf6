import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sys_tree import XEON, Z16, cores_of

from loadscope.cores import allowed_cores

_GROUPS = Path("/sys/fs/cgroup")
_SAY = "from loadscope.cores import allowed_cores as a; c = a(); print(c.count, c.most, c.quota)"


def test_the_threads_of_a_core_stay_together(tmp_path):
    found = cores_of(tmp_path, XEON, set(range(8)))
    assert [core.cpus for core in found.cores] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert [core.node for core in found.cores] == [0, 0, 1, 1]
    assert (found.count, found.most, found.threads, found.quota) == (4, 4, 8, None)


def test_cores_of_one_number_in_two_sockets_are_two(tmp_path):
    # Xeons number the cores of each socket from 0.
    assert len(cores_of(tmp_path, XEON, {0, 2}).cores) == 2


def test_siblings_that_are_allowed_are_one_core(tmp_path):
    found = cores_of(tmp_path, XEON, {1, 4, 5})
    assert [core.cpus for core in found.cores] == [(4,), (1, 5)]
    assert (found.count, found.threads) == (2, 3)


def test_books_and_drawers_come_before_sockets_on_ibm_z(tmp_path):
    found = cores_of(tmp_path, Z16, set(range(12)))
    assert [core.place for core in found.cores] == [
        (0, 0, 0), (0, 0, 0), (0, 1, 0), (0, 1, 0), (1, 2, 0), (1, 2, 0)
    ]  # fmt: skip


def test_a_machine_that_tells_nothing_has_a_core_a_cpu(tmp_path):
    (tmp_path / "devices").mkdir()
    assert cores_of(tmp_path, "", {0, 1, 2}).count == 3


@pytest.mark.parametrize(
    ("files", "membership", "quota"),
    [
        # A container with a namespace of its own, version 2.
        ({"cpu.max": "150000 100000"}, "0::/", 1.5),
        ({"cpu.max": "max 100000"}, "0::/", None),
        # The least of a service and the slice around it.
        (
            {"a.slice/cpu.max": "200000 100000", "a.slice/b.service/cpu.max": "300000 100000"},
            "0::/a.slice/b.service",
            2.0,
        ),
        # Version 1, in a folder of both controllers; -1 is no limit.
        (
            {
                "cpu,cpuacct/d/cpu.cfs_quota_us": "50000",
                "cpu,cpuacct/d/cpu.cfs_period_us": "100000",
            },
            "4:cpu,cpuacct:/d\n3:memory:/d",
            0.5,
        ),
        (
            {"cpu/d/cpu.cfs_quota_us": "-1", "cpu/d/cpu.cfs_period_us": "100000"},
            "1:cpu:/d\n0::/",
            None,
        ),
        # Docker without a namespace: the path is the host's, and only the root is to be seen.
        (
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            "1:cpu:/docker/0123",
            4.0,
        ),
    ],
)  # fmt: skip
def test_the_quota_of_a_control_group(tmp_path, files, membership, quota):
    for name, text in files.items():
        path = tmp_path / "fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert cores_of(tmp_path, XEON, set(range(8)), membership).quota == quota


def test_a_container_of_one_and_a_half_cpus_starts_no_64_threads(tmp_path):
    many = "\n".join(f"{cpu},{cpu},0,0,," for cpu in range(64))
    (tmp_path / "fs/cgroup").mkdir(parents=True)
    (tmp_path / "fs/cgroup/cpu.max").write_text("150000 100000")
    found = cores_of(tmp_path, many, set(range(64)), "0::/")
    assert (found.count, found.most, found.threads) == (1, 2, 2)


def test_this_machine_agrees_with_its_affinity():
    found = allowed_cores()
    assert {cpu for core in found.cores for cpu in core.cpus} == os.sched_getaffinity(0)


def _said(*before):
    done = subprocess.run(
        [*before, sys.executable, "-c", _SAY], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_taskset_leaves_one_core():
    cpu = min(os.sched_getaffinity(0))
    assert _said("taskset", "-c", str(cpu))[:2] == ["1", "1"]


def test_a_control_group_leaves_what_it_says():
    version_2 = (_GROUPS / "cgroup.controllers").exists()
    group = _GROUPS / ("" if version_2 else "cpu") / f"loadscope-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error.strerror}")
    try:
        if version_2:
            if not (group / "cpu.max").exists():
                pytest.skip("the cpu controller is not delegated here")
            (group / "cpu.max").write_text("50000 100000")
        else:
            (group / "cpu.cfs_period_us").write_text("100000")
            (group / "cpu.cfs_quota_us").write_text("50000")
        enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        assert _said("sh", "-c", enter, "sh") == ["1", "1", "0.5"]
    finally:
        group.rmdir()
