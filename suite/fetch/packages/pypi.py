"""Wheels, by pip."""

import sys

from loadscope.suite.models.source import Package

CLIENT, SUFFIX, ERROR, HINT = "pip", ".whl", "ERROR:", ""


def command(package: Package) -> list[str]:
    """What downloads a package into the working folder; a source distribution is never built."""
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--only-binary", ":all:", "--disable-pip-version-check", "--no-input",
        "--dest", ".", f"{package.name}=={package.version}",
    ]  # fmt: skip
