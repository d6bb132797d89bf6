"""What lies inside what, told from records that come when they end and are cut off."""

from hypothesis import given
from hypothesis import strategies as st

from loadscope.sut.tracing.nesting import nested

_UNIT = 1000


@st.composite
def bodies(draw: st.DrawFn) -> list[tuple[int, int, int | None]]:
    """Start, duration and parent of each record, parents first; a body begins a unit later."""
    found: list[tuple[int, int, int | None]] = []

    def grow(start: int, depth: int, parent: int | None) -> int:
        now = start
        for _ in range(draw(st.integers(0, 3))):
            now += draw(st.integers(0, 1500))
            place = len(found)
            found.append((now, 0, parent))
            end = now + draw(st.integers(0, 1500))
            if depth and draw(st.booleans()):
                end = max(end, grow(now + _UNIT, depth - 1, place))
            found[place] = (now, end - now, parent)
            now = end
        return now

    grow(draw(st.integers(0, 5000)), 3, None)
    return found


@given(bodies())
def test_records_get_back_their_parents(tree: list[tuple[int, int, int | None]]) -> None:
    children: dict[int | None, list[int]] = {}
    for place, (_, _, parent) in enumerate(tree):
        children.setdefault(parent, []).append(place)
    ended: list[int] = []

    def finish(parent: int | None) -> None:
        for place in children.get(parent, ()):
            finish(place)
            ended.append(place)

    finish(None)
    cut = [(tree[place][0] // _UNIT, tree[place][1] // _UNIT) for place in ended]
    order = nested(cut)
    assert [ended[place] for place, _ in order] == list(range(len(tree)))
    assert [parent for _, parent in order] == [parent for _, _, parent in tree]
