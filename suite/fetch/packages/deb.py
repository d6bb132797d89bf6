"""Packages of Debian, by apt-get, which takes no root for a download."""

from loadscope.suite.models.source import Package

CLIENT, SUFFIX, ERROR, HINT = "apt-get", ".deb", "E:", "apt-get update, then "


def command(package: Package) -> list[str]:
    """What downloads a package into the working folder."""
    return [CLIENT, "download", "--quiet", f"{package.name}={package.version}"]
