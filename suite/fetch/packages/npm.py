"""Packages of npm, by npm."""

from loadscope.suite.models.source import Package

CLIENT, SUFFIX, ERROR, HINT = "npm", ".tgz", "npm error", ""


def command(package: Package) -> list[str]:
    """What downloads a package into the working folder; no script of it is run."""
    return [CLIENT, "pack", "--ignore-scripts", f"{package.name}@{package.version}"]
