"""What can be said of a framework's own tool for quantisation before it is imported."""

from dataclasses import dataclass
from typing import Literal

from loadscope.sut.needs import installed_versions


@dataclass(frozen=True)
class Quantizer:
    """A framework's own tool for static quantisation to int8; it runs in a process of its own.

    Attributes:
        location: ``module:function`` of a ``calibration.Quantize``.
        tool: The tool's name, as people know it.
        does: What is done to weights and activations, a phrase.
        formats: The formats that it starts from, preferred first.
        makes: The format that it writes.
        suffix: The end of its file's name.
        needs: The packages that it imports; a bar stands between two names of the same one.
        install: The command that installs them.
        layout: The layout of images in what it makes; empty for that of what it starts from.
    """

    location: str
    tool: str
    does: str
    formats: tuple[str, ...]
    makes: str
    suffix: str
    needs: tuple[str, ...]
    install: str
    layout: Literal["", "NCHW", "NHWC"] = ""

    def versions(self) -> dict[str, str]:
        """The versions of the packages that it imports.

        Raises:
            InputError: One is not installed; the message has the command that installs it.
        """
        found = installed_versions(self.tool, self.needs, self.install)
        return {package.partition("|")[0]: version for package, version in found.items()}
