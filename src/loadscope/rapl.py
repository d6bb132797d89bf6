"""The energy that processors count themselves (RAPL), as Linux shows it under ``powercap``.

Source: Linux, Documentation/power/powercap/powercap.rst.
"""

import re
from dataclasses import dataclass
from pathlib import Path

# Whole packages and the memory beside them; cores and graphics are parts of a package.
_COUNTED = re.compile(r"package-\d+(-die-\d+)?|dram")
_MICRO = 1e-6


@dataclass(frozen=True)
class EnergyCounter:
    """A counter that can be read.

    Attributes:
        name: As the kernel names it: ``package-0``, ``package-0 dram``.
        file: Microjoules, which begin anew after ``wraps_at``.
        wraps_at: Joules.
    """

    name: str
    file: Path
    wraps_at: float

    def joules(self) -> float | None:
        """What it shows; None where it can no longer be read."""
        found = _number(self.file)
        return None if found is None else found * _MICRO

    def between(self, before: float, after: float) -> float:
        """Joules from one reading to the next, with at most one new beginning between."""
        return after - before if after >= before else after + self.wraps_at - before


def energy_counters(powercap: Path = Path("/sys/class/powercap")) -> list[EnergyCounter]:
    """The counters that this user may read: since Linux 5.10 mostly none but root's."""
    found = []
    for folder in sorted(powercap.glob("*-rapl:*")):
        name, most = _text(folder / "name"), _number(folder / "max_energy_range_uj")
        file = folder / "energy_uj"
        if _COUNTED.fullmatch(name) and most is not None and _number(file) is not None:
            above = _text(powercap / folder.name.rpartition(":")[0] / "name")
            found.append(EnergyCounter(f"{above} {name}".strip(), file, most * _MICRO))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None
