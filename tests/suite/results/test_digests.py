import pytest
from tests.records import run_record

from loadscope.suite.results import digests
from loadscope.suite.run.host_identity import host_identity


def test_a_digest_is_of_what_is_named_and_of_nothing_else():
    one = run_record()
    assert digests.config(one).value == digests.config(run_record(created="2030-01-01")).value
    assert digests.config(one).value == digests.config(run_record(spec={"repeat": 5})).value
    for change in (
        {"spec": {"min_duration": 5000.0}}, {"model": {"numerics": "bfloat16"}},
        {"data": {"samples": 25}}, {"rehearsal": ["short"]}, {"effective": {"threads": 2}},
        {"model": {"options": {"compile": True}}},
    ):  # fmt: skip
        assert digests.config(run_record(**change)).value != digests.config(one).value, change


def test_a_rate_is_servers_configuration_and_offlines_expectation():
    def of(scenario, rate):
        return digests.config(run_record(spec={"scenario": scenario, "target_qps": rate})).value

    assert of("Server", 100) != of("Server", 200)
    assert of("Offline", 100) == of("Offline", 200)


def test_old_runs_are_marked_by_their_recipe():
    old, new = run_record(), run_record(host={"identity": {"microcode": "0x1"}})
    assert digests.system(old).recipe == "system/1-without-identity"
    assert digests.system(new).recipe == "system/1"
    other = run_record(host={"identity": {"microcode": "0x2"}})
    renamed = run_record(host={"identity": {"microcode": "0x1", "hostname": "b"}})
    assert digests.system(new).value != digests.system(other).value
    assert digests.system(new).value == digests.system(renamed).value


FILES = {
    "x86": {
        "proc/cpuinfo": "cpu family\t: 25\nmodel\t\t: 1\nstepping: 1\nmicrocode: 0xa0011d1\n"
                        "flags: fpu hypervisor\n",
        "sys/class/dmi/id/sys_vendor": "QEMU", "etc/machine-id": "0123",
        "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0",
        "sys/devices/system/cpu/cpu1/topology/physical_package_id": "1",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
        "sys/devices/system/node/node0/cpulist": "0-1",
        "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "150000 100000",
        "sys/fs/cgroup/a/b/memory.max": "1048576", "sys/fs/cgroup/a/memory.max": "max",
    },
    "s390x": {
        "proc/cpuinfo": "vendor_id       : IBM/S390\nprocessor 0: version = FF,  "
                        "identification = 0123,  machine = 3931\n",
        "proc/sysinfo": "Manufacturer: IBM\nVM00 Control Program: z/VM    7.3.0\n",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        ("x86", {"cpu": "cpu family 25, model 1, stepping 1", "microcode": "0xa0011d1",
                 "sockets": 2, "numa_nodes": 1, "governor": "powersave", "hypervisor": "QEMU",
                 "cpu_limit": 1.5,
                 "memory_limit_bytes": 1048576}),
        ("s390x", {"cpu": "machine 3931", "hypervisor": "z/VM    7.3.0", "sockets": None,
                   "machine_id": "", "memory_limit_bytes": None}),
    ],
)  # fmt: skip
def test_the_identity_of_a_machine_is_read_from_its_files(tmp_path, machine, told):
    for name, text in FILES[machine].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = host_identity(tmp_path).model_dump()
    assert {key: found[key] for key in told} == told
    assert "0123" not in found["machine_id"]
