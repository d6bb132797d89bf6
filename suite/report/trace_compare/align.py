"""Which layers of two traces are the same part of the model.

Two sequences are aligned as a whole, in their order: a shared name counts most, then type and
shape. What runs in another order (parallel branches) is then matched by name, or by shape where
that leaves no choice. What a framework fused is then joined to the layer it went into. Nothing is
dropped: a layer without a counterpart is listed as such.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.suite.worker.tracing.layers import Layer, Shape

How = Literal["name", "sequence", "shape", "fused", "fused, inferred"]

_SHARED_NAME, _SHARED_PART, _SAME_KIND, _SAME_OUTPUT, _SAME_TYPE = 20.0, 16.0, 5.0, 3.0, 1.0
"""What a pair is worth: its name, the name of a fused part, all that ``_kind`` says, type and size
of the output, type alone. Three pairs without a name do not outweigh one by name."""

_FUSED_AWAY = frozenset({
    "Add", "BatchNormalization", "Clip", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul",
    "QuickGelu", "Relu", "Sigmoid", "Softplus", "Tanh",
})  # fmt: skip
"""Operators that frameworks fuse into the layer before them."""


@dataclass(frozen=True)
class Pair:
    """Layers of A and of B that do the same work; either side may have several.

    Attributes:
        a, b: Positions in the two sequences, ascending, never empty.
        how: What the pair rests on; ``fused, inferred`` where no framework says so: an operator
            that is often fused has no counterpart, and follows a layer with the same output.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    how: How


@dataclass(frozen=True)
class Alignment:
    """Pairs in the order of A, and what has no counterpart; together every layer, once."""

    pairs: tuple[Pair, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def align(a: Sequence[Layer], b: Sequence[Layer]) -> Alignment:
    """Align two sequences of layers, each in the order of execution."""
    names_a, names_b = _unique_names(a), _unique_names(b)
    matched = _best_path(_scores(a, b, names_a, names_b))
    in_order = set(matched)
    matched += _crossing(names_a, names_b, matched)
    matched += _same_kinds(a, b, matched)
    groups: list[tuple[list[int], list[int], How]] = []
    for i, j in sorted(matched):
        how: How = "sequence" if (i, j) in in_order else "shape"
        groups.append(([i], [j], "name" if _names(a[i]) & _names(b[j]) else how))
    _join_fused(a, b, groups)
    used_a = {i for some, _, _ in groups for i in some}
    used_b = {j for _, some, _ in groups for j in some}
    return Alignment(
        pairs=tuple(Pair(tuple(sorted(i)), tuple(sorted(j)), how) for i, j, how in groups),
        only_a=tuple(i for i in range(len(a)) if i not in used_a),
        only_b=tuple(j for j in range(len(b)) if j not in used_b),
    )


def canonical(name: str, type_: str = "") -> str:
    """Reduce a name to what frameworks agree on.

    ``/layer1/layer1.0/conv1/Conv`` (an ONNX node) and ``layer1.0.conv1`` (a PyTorch module) are
    both ``layer1.0.conv1``.
    """
    path = [part for part in name.replace("\\", "/").split("/") if part]
    if len(path) > 1 and type_ and path[-1].partition("_")[0].lower() == type_.lower():
        path.pop()
    kept: list[str] = []
    for part in path:
        if kept and part.startswith(f"{kept[-1]}."):
            kept.pop()
        kept.append(part)
    return ".".join(kept).partition(":")[0]


def _sizes(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    """Sizes apart from the batch and from the order of axes, which frameworks choose."""
    return tuple(sorted(tuple(sorted(shape[1:])) for shape in shapes))


def _same_output(one: Layer, other: Layer) -> bool:
    return bool(one.output_shapes) and _sizes(one.output_shapes) == _sizes(other.output_shapes)


def _kind(layer: Layer) -> tuple[object, ...]:
    """Type, sizes of outputs and first input (further ones may be weights), FLOPs a sample."""
    batch = max(layer.output_shapes[0][:1], default=1) if layer.output_shapes else 1
    flops = layer.flops and layer.flops // max(batch, 1)
    return layer.type, _sizes(layer.output_shapes), _sizes(layer.input_shapes[:1]), flops


def _names(layer: Layer) -> set[str]:
    return {canonical(name, layer.type) for name in (layer.name, *layer.constituents)}


def _unique_names(layers: Sequence[Layer]) -> dict[str, int]:
    """Map each name that only one layer has to the layer's position."""
    seen: dict[str, set[int]] = defaultdict(set)
    for place, layer in enumerate(layers):
        for name in _names(layer):
            seen[name].add(place)
    return {name: next(iter(places)) for name, places in seen.items() if len(places) == 1}


def _scores(
    a: Sequence[Layer], b: Sequence[Layer], names_a: dict[str, int], names_b: dict[str, int]
) -> NDArray[np.float64]:
    """What each pair is worth, shape (len(a), len(b)); 0 for one that is no pair."""
    scores = np.zeros((len(a), len(b)))
    kinds_a, kinds_b = ([_kind(layer) for layer in layers] for layers in (a, b))
    types: dict[str, list[int]] = defaultdict(list)
    for j, other in enumerate(b):
        types[other.type].append(j)
    for i, one in enumerate(a):
        for j in types.get(one.type, ()):
            if not _same_output(one, b[j]):
                scores[i, j] = _SAME_TYPE
            else:
                scores[i, j] = _SAME_KIND if kinds_a[i] == kinds_b[j] else _SAME_OUTPUT
    for name in names_a.keys() & names_b.keys():
        i, j = names_a[name], names_b[name]
        if canonical(a[i].name, a[i].type) == canonical(b[j].name, b[j].type):
            scores[i, j] += _SHARED_NAME
        elif scores[i, j] > 0:
            scores[i, j] += _SHARED_PART
    return scores


def _best_path(scores: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Choose pairs that do not cross and are worth most together (Needleman and Wunsch, 1970)."""
    rows, columns = scores.shape
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows):
        # A cell is the best of: the pair, this row left out, this column left out; the last one
        # is a running maximum along the row.
        taken = np.where(scores[i] > 0, best[i, :-1] + scores[i], 0)
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(taken, best[i, 1:]))
    path = []
    i, j = rows, columns
    while i and j:
        score = scores[i - 1, j - 1]
        if score > 0 and math.isclose(best[i, j], best[i - 1, j - 1] + score):
            path.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return path[::-1]


def _crossing(
    names_a: dict[str, int], names_b: dict[str, int], matched: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs by name that the frameworks run in another order (parallel branches)."""
    used_a, used_b = ({pair[side] for pair in matched} for side in (0, 1))
    found = []
    for name in sorted(names_a.keys() & names_b.keys()):
        i, j = names_a[name], names_b[name]
        if i not in used_a and j not in used_b:
            found.append((i, j))
            used_a.add(i)
            used_b.add(j)
    return found


def _same_kinds(
    a: Sequence[Layer], b: Sequence[Layer], matched: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pair what is left in order, kind by kind, where both sides have left as many of a kind."""
    left: list[dict[tuple[object, ...], list[int]]] = []
    for side, layers in enumerate((a, b)):
        used = {pair[side] for pair in matched}
        kinds: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for place, layer in enumerate(layers):
            if place not in used and layer.output_shapes and layer.input_shapes:
                kinds[_kind(layer)].append(place)
        left.append(kinds)
    return [
        pair
        for kind, places in left[0].items()
        if len(places) == len(left[1].get(kind, ()))
        for pair in zip(places, left[1][kind], strict=True)
    ]


def _join_fused(
    a: Sequence[Layer], b: Sequence[Layer], groups: list[tuple[list[int], list[int], How]]
) -> None:
    """Add to each pair the layers that its other side has taken in."""
    for side, (own, other) in enumerate(((a, b), (b, a))):
        group_of: dict[int, int] = {}
        for number, one in enumerate(groups):
            group_of.update(dict.fromkeys(one[0] if side == 0 else one[1], number))
        parts: dict[str, set[int]] = defaultdict(set)
        for number, one in enumerate(groups):
            fused = (other[place] for place in (one[1] if side == 0 else one[0]))
            for name in {name for layer in fused for name in layer.constituents}:
                parts[canonical(name)].add(number)
        for place, layer in enumerate(own):
            if place in group_of:
                continue
            told = parts.get(canonical(layer.name, layer.type), set())
            before = group_of.get(place - 1)
            how: How = "fused"
            if len(told) == 1:
                into = next(iter(told))
            elif (
                before is not None
                and layer.type in _FUSED_AWAY
                and _same_output(layer, own[place - 1])
            ):
                into, how = before, "fused, inferred"
            else:
                continue
            members_a, members_b, known = groups[into]
            (members_a if side == 0 else members_b).append(place)
            # What a framework says of one member holds for the group.
            groups[into] = (members_a, members_b, "fused" if known == "fused" else how)
            group_of[place] = into
