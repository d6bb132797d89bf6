"""The table that CNTK prints of its nodes."""

import re
from typing import Dict, Tuple

_LINE = re.compile(r"^(\S+)\s+forward avg ([0-9.]+)s, .*\(fwd# (\d+)\|bwd# \d+\)")


def node_times(text: str) -> Dict[str, Tuple[float, int]]:
    """Read the table.

    Args:
        text: What ``print_node_timing`` writes.

    Returns:
        For each node, by its unique name, the mean seconds of a run, good to a microsecond, and
        how many runs; nodes that have not run are left out.
    """
    found = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match is not None and int(match.group(3)):
            found[match.group(1)] = (float(match.group(2)), int(match.group(3)))
    return found
