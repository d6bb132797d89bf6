"""Where facts about the machine come from: files under a root, and the output of commands."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMMANDS = {
    "lscpu": ("lscpu", "-J"),
    "lsblk": ("lsblk", "-J", "-b", "-d", "-o", "NAME,TYPE,SIZE,ROTA,TRAN"),
    "dmidecode": ("dmidecode", "-t", "memory"),
    "nvidia-smi": (
        "nvidia-smi",
        "--query-gpu=name,memory.total,clocks.max.sm",
        "--format=csv,noheader",
    ),
}
_TIMEOUT_S = 20


@dataclass(frozen=True)
class MachineProbe:
    """A machine: this one, or one of which the files and the commands' outputs were recorded.

    Attributes:
        root: ``/``, or the folder of a recording.
        recorded: Whether commands are read from ``<root>/commands/<name>`` and not run.
    """

    root: Path = Path("/")
    recorded: bool = False

    def read(self, path: str) -> str:
        """A file's text; empty where there is none or it may not be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def names(self, path: str) -> list[str]:
        """What a folder holds."""
        try:
            return sorted(entry.name for entry in (self.root / path).iterdir())
        except OSError:
            return []

    def target(self, path: str) -> str:
        """The last part of where a symbolic link leads; empty where there is none."""
        try:
            return (self.root / path).readlink().name
        except OSError:
            return ""

    def output(self, command: str) -> str:
        """What a command prints; empty where it is missing, fails or is not allowed."""
        if self.recorded:
            return self.read(f"commands/{command}")
        try:
            done = subprocess.run(
                _COMMANDS[command],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def output_json(self, command: str) -> dict[str, Any]:
        """What a command prints as JSON; empty where it is none."""
        try:
            value = json.loads(self.output(command) or "{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}
