"""Names of devices, and what is read of a machine's; the files are written in the form of what
drivers write, no GPU was at hand."""

from types import SimpleNamespace

import pytest

from loadscope.devices import Device, canonical, devices_here, require_here
from loadscope.errors import InputError
from loadscope.nvml import GpuSample, Nvml, visible
from loadscope.rundir.spec import make_spec
from loadscope.sut.openvino.devices import device_fault

UUIDS = ["GPU-1d2a", "GPU-77c0"]


class NvmlError(Exception):
    pass


def recorded(**changes):
    """The calls of pynvml that are used, with what a machine of two GPUs answers."""

    def not_supported(*_):
        raise NvmlError("Not Supported")

    answers = {
        "nvmlInit": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.95.05",
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda handle: ["NVIDIA L4", b"NVIDIA A10"][handle],
        "nvmlDeviceGetUUID": lambda handle: UUIDS[handle],
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=24 * 10**9),
        "nvmlDeviceGetClockInfo": lambda handle, clock: {1: 1980}[clock],
        "nvmlDeviceGetTemperature": lambda handle, sensor: {0: 61}[sensor],
        "nvmlDeviceGetPowerUsage": lambda handle: 71_500,
        "nvmlDeviceGetTotalEnergyConsumption": lambda handle: 1_000_250,
        "nvmlDeviceGetCurrentClocksEventReasons": lambda handle: 0x1 | 0x4 | 0x40,
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [SimpleNamespace(pid=41)],
    }
    answers |= {name: value or not_supported for name, value in changes.items()}
    return SimpleNamespace(NVMLError=NvmlError, **answers)


@pytest.mark.parametrize(
    ("given", "name"),
    [("cpu", "cpu"), ("CUDA:0", "cuda"), (" cuda:1", "cuda:1"), ("xpu:00", "xpu")],
)
def test_a_device_has_one_name(given, name):
    assert canonical(given) == name
    spec = {"model": "m", "framework": "null", "scenario": "Offline", "device": given}
    assert make_spec(spec, "x").device == name


@pytest.mark.parametrize("given", ["", "cuda:", "cuda:-1", "gpu 0", ":1"])
def test_what_is_no_device_is_refused(given):
    spec = {"model": "m", "framework": "null", "scenario": "Offline", "device": given}
    with pytest.raises(InputError, match="expected a device as cpu, cuda or cuda:1"):
        make_spec(spec, "x")


@pytest.mark.parametrize(
    ("listed", "numbers"),
    [
        (None, [0, 1, 2]),
        ("2,0", [2, 0]),
        ("", []),
        ("1,-1,0", [1]),
        ("GPU-77,0", [1, 0]),
        ("9,0", []),
        ("MIG-4f,1", [None, 1]),
    ],
)
def test_cuda_shows_what_its_variable_lists_up_to_the_first_that_is_none(listed, numbers):
    environment = {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}
    assert visible(3, [*UUIDS, "GPU-f00d"], environment) == numbers


def test_gpus_are_told_with_name_memory_and_driver(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices_here(tmp_path, Nvml(recorded())) == (
        Device("cuda", "NVIDIA L4", 24 * 10**9, "580.95.05"),
        Device("cuda:1", "NVIDIA A10", 24 * 10**9, "580.95.05"),
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert Nvml(recorded()).number_of("cuda") == 1
    assert Nvml(recorded()).number_of("cuda:1") is None
    (one,) = devices_here(tmp_path, Nvml(recorded(nvmlDeviceGetMemoryInfo=None)))
    assert one == Device("cuda", "NVIDIA A10", None, "580.95.05")


def test_without_nvml_the_kernel_tells_of_devices(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(Nvml, "of_machine", lambda: None)
    files = {
        "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
        "580.95.05  Release Build  (root)\n",
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA L4\n"
        "GPU UUID: \t GPU-1d2a\n",
        "sys/class/drm/renderD129/device/vendor": "0x8086\n",
        "sys/class/drm/renderD129/device/device": "0x56a0\n",
        "sys/class/drm/renderD128/device/vendor": "0x1002\n",
        "proc/cpuinfo": "features\t: esan3 zarch nnpa sie\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    driver = tmp_path / "sys/class/drm/renderD129/device/driver"
    driver.symlink_to("../../bus/pci/drivers/xe")
    assert devices_here(tmp_path) == (
        Device("cuda", "NVIDIA L4", None, "580.95.05"),
        Device("xpu", "Intel GPU 0x56a0", None, "xe"),
        Device("nnpa", "IBM Z on-chip accelerator (NNPA)"),
    )


def test_gpus_of_other_makers_are_called_as_pytorch_calls_them(tmp_path, monkeypatch):
    monkeypatch.setattr(Nvml, "of_machine", lambda: None)
    for number in (128, 129):
        card = tmp_path / f"sys/class/drm/renderD{number}/device"
        card.mkdir(parents=True)
        (card / "vendor").write_text("0x1002\n")
        (card / "device").write_text("0x74a1\n")
        (card / "driver").symlink_to("../../bus/pci/drivers/amdgpu")
    assert devices_here(tmp_path) == (
        Device("cuda", "AMD GPU 0x74a1", None, "amdgpu"),
        Device("cuda:1", "AMD GPU 0x74a1", None, "amdgpu"),
    )
    windows = tmp_path / "windows"
    (windows / "dev").mkdir(parents=True)
    (windows / "dev/dxg").touch()
    assert [device.name for device in devices_here(windows)] == ["cuda"]


def test_a_device_must_be_here_and_the_mend_says_what_to_install():
    here = (Device("cuda", "NVIDIA L4"),)
    require_here("cpu", here)
    require_here("cuda", here)
    # Of these OpenVINO alone knows.
    require_here("npu", here)
    with pytest.raises(
        InputError, match="cuda:1 not found on this machine; it has: cpu, cuda"
    ) as of:
        require_here("cuda:1", here)
    assert of.value.fix == "use one of: cuda"
    with pytest.raises(InputError, match="xpu not found") as of:
        require_here("xpu", here)
    assert "Intel's GPU driver" in of.value.fix


def test_a_gpu_is_sampled_in_watts_and_joules_and_reasons():
    assert Nvml(recorded()).sample(0) == GpuSample(
        sm_mhz=1980,
        celsius=61,
        watts=71.5,
        joules=1000.25,
        throttles=("power cap", "heat (hardware)"),
        processes=(41,),
    )


def test_what_a_gpu_does_not_tell_is_none():
    api = recorded(nvmlDeviceGetTotalEnergyConsumption=None, nvmlDeviceGetPowerUsage=None)
    del api.nvmlDeviceGetCurrentClocksEventReasons
    # The name until driver 535.
    api.nvmlDeviceGetCurrentClocksThrottleReasons = lambda handle: 0x80
    sample = Nvml(api).sample(1)
    assert (sample.watts, sample.joules, sample.throttles) == (None, None, ("power brake",))


def test_the_processors_are_one_device():
    require_here("cpu", ())
    with pytest.raises(InputError, match="device cpu:1 not found on this machine") as caught:
        require_here("cpu:1", (Device("cuda:1", "NVIDIA L4"),))
    assert caught.value.fix.startswith("use cpu;")


def test_what_openvino_cannot_find_is_told_without_it(tmp_path):
    assert device_fault("cpu", tmp_path) is None
    for name, said in (("gpu", "Intel GPUs found: 0"), ("npu", "Intel NPUs found: 0")):
        fault = device_fault(name, tmp_path)
        assert fault is not None and fault[0] == said
    for folder, driver in (("class/drm/renderD128", "xe"), ("class/accel/accel0", "intel_vpu")):
        device = tmp_path / "sys" / folder / "device"
        device.mkdir(parents=True)
        (device / "vendor").write_text("0x8086\n")
        (tmp_path / driver).mkdir()
        (device / "driver").symlink_to(tmp_path / driver)
    assert device_fault("gpu", tmp_path) is None
    assert device_fault("npu", tmp_path) is None
    assert device_fault("gpu:1", tmp_path) == (
        "Intel GPUs found: 1",
        "use cpu, or install Intel's GPU driver (intel-opencl-icd, libze-intel-gpu1)",
    )
    assert device_fault("npu:1", tmp_path) is not None
