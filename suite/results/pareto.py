"""The points that no other point beats in both of two figures."""

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points on the Pareto front, by the first figure.

    Args:
        points: Two figures of each, of which the higher are the better.
    """
    order = sorted(range(len(points)), key=lambda place: points[place], reverse=True)
    found: list[int] = []
    best = float("-inf")
    for place in order:
        if points[place][1] > best:
            best = points[place][1]
            found.append(place)
    return found[::-1]
