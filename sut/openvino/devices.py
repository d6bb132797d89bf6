"""Which devices OpenVINO can find on this machine, told without importing it."""

from pathlib import Path

from loadscope.devices import devices_here, kind_of, number_of


def device_fault(name: str, root: Path = Path("/")) -> tuple[str, str] | None:
    """Why OpenVINO cannot find a device here: what is missing, and the mend.

    Args:
        name: The device.
        root: Of the file system, or of a recording of its files.
    """
    number = number_of(name)
    # Windows hands its GPUs to a Linux inside it through a device of its own.
    if kind_of(name) == "gpu" and not (root / "dev/dxg").exists():
        gpus = [one for one in devices_here(root) if kind_of(one.name) == "xpu"]
        if number >= len(gpus):
            return (
                f"Intel GPUs found: {len(gpus)}",
                "use cpu, or install Intel's GPU driver (intel-opencl-icd, libze-intel-gpu1)",
            )
    if kind_of(name) == "npu":
        drivers = (root / "sys/class/accel").glob("accel*/device/driver")
        npus = sum(driver.resolve().name == "intel_vpu" for driver in drivers)
        if number >= npus:
            return f"Intel NPUs found: {npus}", "use cpu, or install Intel's NPU driver (intel_vpu)"
    return None
