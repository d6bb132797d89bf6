"""The machines are written in the form of what Linux and its tools print; no IBM Z was at hand."""

import json

import pytest
import yaml
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.submission.rounds import load_round
from loadscope.submission.system import Machine, MachineProbe, describe, detect
from loadscope.suite.cli.system import system_command
from loadscope.sut.registry import BACKENDS

ROUND = load_round()


def lscpu(**fields):
    """``lscpu -J`` of util-linux before 2.37: flat; later ones nest."""
    return {"lscpu": [{"field": f"{name}:", "data": data} for name, data in fields.items()]}


X86 = {
    "commands/lscpu": json.dumps(
        {
            "lscpu": [
                {"field": "Architecture:", "data": "x86_64"},
                {
                    "field": "Vendor ID:",
                    "data": "GenuineIntel",
                    "children": [
                        {
                            "field": "Model name:",
                            "data": "INTEL(R) XEON(R) GOLD 6548Y+",
                            "children": [
                                {"field": "Thread(s) per core:", "data": "2"},
                                {"field": "Core(s) per socket:", "data": "32"},
                                {"field": "Socket(s):", "data": "2"},
                                {"field": "CPU max MHz:", "data": "4100.0000"},
                            ],
                        }
                    ],
                },
                {
                    "field": "Caches (sum of all):",
                    "data": None,
                    "children": [
                        {"field": "L1d:", "data": "3 MiB (64 instances)"},
                        {"field": "L3:", "data": "120 MiB (2 instances)"},
                    ],
                },
            ]
        }
    ),
    "commands/dmidecode": "Handle 0x1000, DMI type 16\nPhysical Memory Array\n"
    "\tError Correction Type: Multi-bit ECC\n"
    + 4
    * "\nHandle 0x1100, DMI type 17\nMemory Device\n\tSize: 32 GB\n\tLocator: A1\n"
    "\tType: DDR5\n\tSpeed: 5600 MT/s\n\tConfigured Memory Speed: 5200 MT/s\n"
    + "\nHandle 0x1101, DMI type 17\nMemory Device\n\tSize: No Module Installed\n\tLocator: B1\n",
    "commands/lsblk": json.dumps(
        {
            "blockdevices": [
                {"name": "loop0", "type": "loop", "size": 1, "rota": False, "tran": None},
                {"name": "nvme0n1", "type": "disk", "size": 3840755982336, "rota": False,
                 "tran": "nvme"},
                {"name": "sda", "type": "disk", "size": "4000787030016", "rota": "1",
                 "tran": "sata"},
            ]
        }
    ),
    "commands/nvidia-smi": "NVIDIA L4, 23034 MiB, 2040 MHz\nNVIDIA L4, 23034 MiB, 2040 MHz\n",
    "proc/meminfo": "MemTotal:       131072000 kB\nMemFree: 1 kB\n",
    "proc/sys/kernel/osrelease": "6.12.0-1-amd64\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
    "sys/class/net/eth0/speed": "25000\n",
    "sys/class/net/eth1/speed": "25000\n",
    "sys/class/net/lo/speed": "",
}  # fmt: skip
ARM = {
    "commands/lscpu": json.dumps(
        lscpu(**{
            "Architecture": "aarch64", "Vendor ID": "ARM", "Model name": "Neoverse-N1",
            "Thread(s) per core": "1", "Core(s) per cluster": "16", "Socket(s)": "-",
            "L1d cache": "1 MiB (16 instances)", "L2 cache": "16 MiB (16 instances)",
        })
    ),
    "proc/meminfo": "MemTotal:       32768000 kB\n",
    "commands/lsblk": '{"blockdevices": [{"name": "vda", "type": "disk", "size": 100000000000, '
    '"rota": true, "tran": "virtio"}]}',
    "sys/bus/pci/devices/0000:01:00.0/class": "0x120000\n",
}  # fmt: skip
Z16 = {
    "commands/lscpu": json.dumps(
        lscpu(**{
            "Architecture": "s390x", "Byte Order": "Big Endian", "Vendor ID": "IBM/S390",
            "Model name": "-", "Machine type": "3931", "Thread(s) per core": "2",
            "Core(s) per socket": "8", "Socket(s) per book": "1", "Book(s) per drawer": "2",
            "Drawer(s)": "2", "CPU dynamic MHz": "5200", "CPU static MHz": "5200",
            "Hypervisor": "PR/SM", "Hypervisor vendor": "IBM", "L1d cache": "4 MiB",
            "L2d cache": "1 GiB",
        })
    ),
    "proc/cpuinfo": "vendor_id       : IBM/S390\n# processors    : 64\nmax thread id   : 1\n"
    "features\t: esan3 zarch stfle msa te vx vxd vxe gs vxe2 vxp sort dflt vxp2 nnpa pcimio sie\n"
    "processor 0: version = 00,  identification = 0A2B38,  machine = 3931\n"
    "cpu MHz dynamic : 5200\n",
    "proc/sysinfo": "Manufacturer:         IBM\nType:                 3931\n"
    "Model:                703              A01\nCPUs Total:           105\n"
    "LPAR Number:          12\nLPAR Characteristics: Shared\nLPAR Name:            LNXPROD1\n"
    "LPAR CPUs Total:      32\nLPAR CPUs Configured: 32\nLPAR CPUs Standby:    0\n"
    "LPAR CPUs Dedicated:  0\nLPAR CPUs Shared:     32\n",
    "commands/lsblk": '{"blockdevices": [{"name": "dasda", "type": "disk", "size": 22155264000, '
    '"rota": true, "tran": null}]}',
}  # fmt: skip


@pytest.fixture
def recorded(tmp_path):
    def write(files, drivers=()):
        for name, text in files.items():
            path = tmp_path / "machine" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for card, driver in dict(drivers).items():
            device = tmp_path / "machine/sys/class/net" / card / "device"
            device.mkdir(parents=True)
            (device / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
        return MachineProbe(tmp_path / "machine", recorded=True)

    return write


def fields_of(machine, tmp_path, **given):
    return describe(ROUND, machine, {}, given, tmp_path / "none.yaml")


def test_an_x86_server_with_accelerators(recorded, tmp_path):
    machine = detect(recorded(X86, {"eth0": "mlx5_core", "eth1": "mlx5_core"}))
    assert machine == Machine(
        architecture="x86_64",
        processor="INTEL(R) XEON(R) GOLD 6548Y+",
        sockets="2",
        cores="32",
        threads="2",
        frequency="4100 MHz",
        caches="L1d 3 MiB (64 instances), L3 120 MiB (2 instances)",
        memory="128 GB",
        modules="4x 32 GB DDR5-5200 ECC",
        storage="7842 GB",
        storage_type="NVMe SSD, SATA HDD",
        network_cards="2x 25 GbE (mlx5_core)",
        network="25 GbE",
        accelerators=(("NVIDIA L4", "23034 MiB", "2040 MHz"),) * 2,
        system="Debian GNU/Linux 13 (trixie), Linux 6.12.0-1-amd64",
    )
    values = fields_of(machine, tmp_path).values
    assert values["accelerators_per_node"] == "2"
    assert values["accelerator_model_name"] == "NVIDIA L4"
    assert values["accelerator_interconnect"] == ""


def test_an_arm_machine_with_an_accelerator_that_cannot_be_named(recorded, tmp_path):
    machine = detect(recorded(ARM))
    assert machine.processor == "ARM Neoverse-N1"
    assert (machine.sockets, machine.cores) == ("", "16")
    assert machine.memory == "31.2 GiB usable"
    assert machine.storage_type == "virtual disk"
    description = fields_of(machine, tmp_path)
    assert {"host_processors_per_node", "accelerators_per_node"} <= description.missing.keys()


def test_a_z16_partition(recorded, tmp_path):
    machine = detect(recorded(Z16))
    assert machine.processor == "IBM z16 (machine type 3931)"
    assert (machine.sockets, machine.cores) == ("4", "8")
    assert machine.storage_type == "DASD"
    assert machine.z is not None
    assert machine.z.nnpa
    assert machine.z.notes() == (
        "LPAR 12 (LNXPROD1), 32 CPUs configured, 32 shared; "
        "32 cores, 4 chips in 4 books, 2 drawers, SMT-2; "
        "NNPA (on-chip accelerator) present"
    )
    description = fields_of(machine, tmp_path)
    assert description.values["host_processor_frequency"] == "5200 MHz"
    assert description.values["hw_notes"].startswith("virtual machine (PR/SM); LPAR 12")
    # Whether the on-chip accelerator counts as one is for the submitter to say.
    assert "accelerators_per_node" in description.missing


@pytest.mark.parametrize(
    ("machine", "name"), [("9175", "IBM z17"), ("3932", "IBM z16 A02"), ("9999", "IBM Z")]
)
def test_machine_types_of_ibm_z(recorded, machine, name):
    files = {path: text.replace("3931", machine) for path, text in Z16.items()}
    files["proc/cpuinfo"] = files["proc/cpuinfo"].replace(" nnpa", "")
    files["proc/sysinfo"] = "VM00 Control Program: z/VM    7.3.0\n"
    found = detect(recorded(files)).z
    assert found is not None
    assert found.model == f"{name} (machine type {machine})"
    assert not found.nnpa
    assert found.partition == "guest of z/VM 7.3.0"


def test_a_machine_that_tells_nothing_has_nothing_made_up(recorded):
    assert detect(recorded({"etc/hostname": "x"})) == Machine()
    assert detect(recorded({"commands/lscpu": "[]", "commands/lsblk": "oops"})) == Machine()


def test_what_a_person_wrote_is_kept_and_what_was_detected_is_renewed(tmp_path):
    file = tmp_path / "system.yaml"
    old = Machine(processor="Old", memory="8 GB", hypervisor="KVM")
    describe(ROUND, old, {"framework": "A 1"}, {"submitter": "Acme"}, file).save(file)
    text = file.read_text()
    text = text.replace('\nhost_memory_capacity: "8 GB"', '\nhost_memory_capacity: "8 GB ECC"')
    text = text.replace('\nhw_notes: "virtual machine (KVM)"', '\nhw_notes: ""')
    file.write_text(text.replace('\ncooling: ""', '\ncooling: "water"'))
    new = Machine(processor="New", memory="16 GB", hypervisor="KVM")
    again = describe(ROUND, new, {"framework": "A 2"}, {}, file)
    again.save(file)
    values = yaml.safe_load(file.read_text())
    assert values == again.values
    assert list(values) == list(ROUND.submission.system_fields)
    assert values["host_processor_model_name"] == "New"
    assert values["framework"] == "A 2"
    assert values["host_memory_capacity"] == "8 GB ECC"
    assert values["cooling"] == "water"
    assert values["submitter"] == "Acme"
    assert values["hw_notes"] == ""
    assert "status" in again.missing


def test_what_a_machine_told_root_is_not_forgotten(tmp_path):
    file = tmp_path / "system.yaml"
    root = Machine(processor="A", cores="8", memory="16 GB", modules="2x 8 GB DDR5")
    describe(ROUND, root, {}, {}, file).save(file)
    for _ in range(2):
        user = Machine(processor="A", cores="8", memory="15.6 GiB usable")
        description = describe(ROUND, user, {}, {"cooling": "air"}, file)
        description.save(file)
        assert description.values["host_memory_configuration"] == "2x 8 GB DDR5"
        assert description.values["host_memory_capacity"] == "16 GB"
    # Of another machine nothing is taken over, and accelerators that have come are asked for.
    other = describe(ROUND, Machine(processor="B", cores="8"), {}, {}, file).values
    assert other["host_memory_configuration"] == other["host_memory_capacity"] == ""
    more = describe(ROUND, Machine(processor="A", cores="8", accelerators=None), {}, {}, file)
    assert "accelerators_per_node" in more.missing


def test_a_field_that_is_set_leaves_the_framework_as_it_was(tmp_path):
    file = tmp_path / "system.yaml"
    several = [name for name, one in BACKENDS.items() if one.version()]
    assert len(several) > 1, "of one framework there is nothing to forget"
    for name in several:
        for more in (["--framework", name], ["--set", "cooling=air"], []):
            run = CliRunner().invoke(system_command, ["--output", str(file), "--json", *more])
            fields = json.loads(run.stdout)["fields"]
            assert fields["framework"] == f"{BACKENDS[name].title} {BACKENDS[name].version()}"
    # As if it had been an older version then.
    file.write_text(file.read_text().replace(fields["framework"], f"{BACKENDS[name].title} 0.1"))
    CliRunner().invoke(system_command, ["--output", str(file)])
    assert yaml.safe_load(file.read_text())["framework"] == fields["framework"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n", "is not a mapping"),
        ("number_of_nodes: 1\n", "number_of_nodes is not text: 1"),
        ("nodes: '1'\n", "unknown field 'nodes'"),
        ("a: [", "while parsing"),
        (b"\xff\xfe", "codec can't decode"),
    ],
)
def test_a_file_that_is_none_of_ours_is_not_overwritten(content, message, tmp_path):
    file = tmp_path / "system.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = file.read_bytes()
    run = CliRunner().invoke(system_command, ["--output", str(file)])
    assert isinstance(run.exception, InputError)
    assert message in str(run.exception)
    assert file.read_bytes() == before


@pytest.mark.parametrize("given", [{"division": "network"}, {"is_network": "true"}])
def test_a_network_is_described_in_its_division_and_where_it_is_set(tmp_path, given):
    file = tmp_path / "system.yaml"
    asked = describe(ROUND, Machine(), {}, {"division": "open", **given}, file)
    assert asked.values["is_network"] == "true" and "nic_sut" in asked.missing
    asked.save(file)
    assert "nic_sut" in describe(ROUND, Machine(), {}, {}, file).missing
    alone = describe(ROUND, Machine(), {}, {"division": "open"}, tmp_path / "other.yaml")
    assert "is_network" not in alone.values


def test_the_command_describes_this_machine(tmp_path):
    file = tmp_path / "system.yaml"
    arguments = ["--output", str(file), "--division", "open", "--submitter", "Acme", "--json"]
    run = CliRunner().invoke(system_command, [*arguments, "--set", "cooling=air"])
    assert run.exit_code == 0, run.output
    record = json.loads(run.stdout)
    assert record["fields"] == yaml.safe_load(file.read_text())
    assert record["fields"]["cooling"] == "air"
    assert "mlcommons-loadgen" in record["fields"]["other_software_stack"]
    assert "status" in record["missing"]
    for wrong in ("colour=red", "cooling"):
        run = CliRunner().invoke(system_command, [*arguments, "--set", wrong])
        assert isinstance(run.exception, InputError)
