"""Hosts on one machine: network namespaces on one bridge, for checks that need root."""

import contextlib
import os
import subprocess

import pytest

PORT = 8786
HEAD = "10.77.0.1"
"""The address of the first namespace, which is called head; the hosts' follow."""


def ip(*arguments):
    """Run iproute2's command; raises where it fails."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def namespaces(*hosts):
    """Namespaces head and one for each host on one bridge; yields their prefix.

    The bridge is in ``PREFIX-sw``: its port to head is ``p1``, to the first host ``p2``.
    Skips the test where they are refused.
    """
    prefix = f"ls{os.getpid()}"
    made = []
    try:
        try:
            ip("netns", "add", f"{prefix}-sw")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces are refused here: {error}")
        made.append("sw")
        ip("-n", f"{prefix}-sw", "link", "add", "br0", "type", "bridge")
        ip("-n", f"{prefix}-sw", "link", "set", "br0", "up")
        for number, host in enumerate(("head", *hosts), start=1):
            space, switch = f"{prefix}-{host}", f"{prefix}-sw"
            ip("netns", "add", space)
            made.append(host)
            ip("link", "add", f"v{os.getpid()}{number}", "netns", space, "type", "veth",
               "peer", "name", f"p{number}", "netns", switch)  # fmt: skip
            ip("-n", switch, "link", "set", f"p{number}", "master", "br0", "up")
            ip("-n", space, "link", "set", f"v{os.getpid()}{number}", "name", "eth0")
            ip("-n", space, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")
        yield prefix
    finally:
        for host in made:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", f"{prefix}-{host}")
