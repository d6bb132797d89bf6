"""Where the boxes and lines of a model's graph lie: ranks from top to bottom, own drawing."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

WIDTH, HEIGHT = 168, 36
_ACROSS, _DOWN = 20, 22
_BOW = WIDTH * 0.72
"""How far a line that passes boxes goes aside; three quarters of it are seen."""


@dataclass(frozen=True)
class GraphDrawing:
    """A drawing, in pixels.

    Attributes:
        width, height: Of all.
        places: The left upper corner of each box.
        lines: A path of SVG for each connection.
    """

    width: float
    height: float
    places: tuple[tuple[float, float], ...]
    lines: tuple[str, ...]


def draw_graph(count: int, connections: Collection[tuple[int, int]]) -> GraphDrawing:
    """Place boxes so that each is below all that it takes from.

    Args:
        count: How many boxes.
        connections: Pairs of them, the first before the second.
    """
    before: dict[int, list[int]] = defaultdict(list)
    for a, b in sorted(connections):
        before[b].append(a)
    ranks: list[int] = []
    linked = {box for pair in connections for box in pair}
    for box in range(count):
        # One that the file does not tell of stands beside what ran before it.
        beside = ranks[-1] - 1 if ranks and box not in linked else -1
        ranks.append(1 + max((ranks[one] for one in before[box]), default=beside))
    wide = Counter(ranks)
    most = max(wide.values(), default=1)
    middle = most * (WIDTH + _ACROSS) / 2 + _BOW
    centres: dict[int, float] = {}
    for rank in range(len(wide)):
        row = [box for box in range(count) if ranks[box] == rank]
        # Below the middle of what each takes from, so that lines cross little.
        row.sort(key=lambda box: _mean([centres[one] for one in before[box]], middle))
        left = middle - (len(row) - 1) * (WIDTH + _ACROSS) / 2
        centres |= {box: left + place * (WIDTH + _ACROSS) for place, box in enumerate(row)}
    places = tuple(
        (centres[box] - WIDTH / 2, ranks[box] * (HEIGHT + _DOWN) + 4.0) for box in range(count)
    )
    lines = tuple(_line(places[a], places[b], ranks[b] - ranks[a]) for a, b in sorted(connections))
    return GraphDrawing(2 * middle, len(wide) * (HEIGHT + _DOWN), places, lines)


def _line(start: tuple[float, float], end: tuple[float, float], ranks: int) -> str:
    x, y = start[0] + WIDTH / 2, start[1] + HEIGHT
    to_x, to_y = end[0] + WIDTH / 2, end[1]
    aside = _BOW if ranks > 1 else 0.0
    reach = (to_y - y) / 2 if ranks == 1 else _DOWN * 1.5
    return (
        f"M{x:g} {y:g}C{x + aside:g} {y + reach:g} {to_x + aside:g} {to_y - reach:g} "
        f"{to_x:g} {to_y:g}"
    )


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
