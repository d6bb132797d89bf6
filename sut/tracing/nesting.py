"""Which records lie inside others, where a framework tells of each when it ends."""

from collections.abc import Sequence


def nested(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int | None]]:
    """Put the records of one thread in the order of their starts, each with the one around it.

    A body (of ``If``, ``Loop``, ``Scan``) ends before the operator that runs it and starts after
    it. Times may be cut off to a coarser unit: what began in the same unit as the later record
    and lasted for one or more is inside it, for otherwise that record had begun a unit later.

    Args:
        spans: Start and duration of each record, in the order in which they ended.

    Returns:
        For each record, parents before their children: its place in ``spans``, and the place in
        this list of the record around it, None at the top.
    """
    children: list[list[int]] = []
    open_: list[int] = []
    for place, (start, _) in enumerate(spans):
        first = len(open_)
        while first and _inside(spans[open_[first - 1]], start):
            first -= 1
        children.append(open_[first:])
        open_[first:] = [place]
    ordered: list[tuple[int, int | None]] = []
    pending: list[tuple[int, int | None]] = [(place, None) for place in reversed(open_)]
    while pending:
        place, parent = pending.pop()
        pending.extend((child, len(ordered)) for child in reversed(children[place]))
        ordered.append((place, parent))
    return ordered


def _inside(span: tuple[int, int], start: int) -> bool:
    return span[0] > start or (span[0] == start and span[1] > 0)
