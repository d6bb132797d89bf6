"""The instruction sets that are emulated: Debian's ports with NumPy, ONNX Runtime and PyTorch."""

from dataclasses import dataclass, field

_EXPECTED = {
    # Compilers of all three fuse multiplications with additions.
    "test_an_upright_image_is_treated_as_a_lying_one": (
        "OpenCV's area resampling rounds one value of 150,528 otherwise by one grey "
        "level; what that does to accuracy is measured in the rows of pixels"
    ),
    "test_only_the_loaded_samples_are_resident": (
        "the emulator does not give a process its own memory map"
    ),
}

# ONNX Runtime ends at its import where it finds no core that it knows: this is a Cortex-A72.
_ARM = """processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


@dataclass(frozen=True)
class Architecture:
    """An instruction set, as the tools that make and run its programs name it.

    Attributes:
        debian: Debian's port, as ``dpkg --print-architecture`` has it.
        machine: As ``uname -m`` has it, and QEMU.
        triplet: Of its compiler, and of its folders of libraries.
        byte_order: ``big`` or ``little``.
        cpuinfo: The content of ``/proc/cpuinfo`` in the form that libraries read there.
        expected: Tests that are expected to fail there, and why that is no fault of the suite.
        levels: How many grey levels the pixels of a resampler may differ from x86-64's.
    """

    debian: str
    machine: str
    triplet: str
    byte_order: str
    cpuinfo: str
    expected: dict[str, str] = field(default_factory=dict)
    levels: int = 1

    @property
    def emulator(self) -> str:
        """QEMU's program for it, of Debian's package ``qemu-user-static``."""
        return f"qemu-{self.machine}-static"

    @property
    def compilers(self) -> tuple[str, str]:
        """The cross compilers of C and C++."""
        return f"{self.triplet}-gcc", f"{self.triplet}-g++"

    @property
    def tools(self) -> dict[str, str]:
        """The programs that the lane takes, and Debian's packages with them."""
        return {
            "mmdebstrap": "mmdebstrap",
            self.emulator: "qemu-user-static",
            self.compilers[1]: f"g++-{self.triplet}",
        }


ARCHITECTURES = {
    each.debian: each
    for each in (
        Architecture(
            "s390x",
            "s390x",
            "s390x-linux-gnu",
            "big",
            "vendor_id       : emulated\n# processors    : 1\n",
            expected=_EXPECTED,
        ),
        Architecture("arm64", "aarch64", "aarch64-linux-gnu", "little", _ARM, expected=_EXPECTED),
        Architecture(
            "ppc64el",
            "ppc64le",
            "powerpc64le-linux-gnu",
            "little",
            "processor\t: 0\ncpu\t\t: emulated\n",
            expected=_EXPECTED,
        ),
    )
}
"""By Debian's name, which ``make test-arch ARCH=`` takes."""
