from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.suite.report.trace_compare.align import Alignment, align, canonical
from loadscope.suite.worker.tracing.layers import Layer


def layer(name: str, type_: str = "Conv", size: int = 8, *parts: str, **facts: Any) -> Layer:
    known: dict[str, Any] = {
        "index": 0, "start_ns": 0, "duration_ns": 1.0, "share": 0.0, "low_ns": 1, "high_ns": 1,
        "predicts": 1, "input_shapes": (), "output_shapes": ((1, size, 4, 4),),
        "dtype": "float32", "bytes": None, "flops": None, "primitives": (), "counters": {},
    }  # fmt: skip
    return Layer(name=name, type=type_, constituents=parts or (name,), **(known | facts))


def names(found: Alignment, a: list[Layer], b: list[Layer]) -> list[tuple[str, str, str]]:
    return [
        ("+".join(a[i].name for i in pair.a), "+".join(b[j].name for j in pair.b), pair.how)
        for pair in found.pairs
    ]


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("/layer1/layer1.0/conv1/Conv", "Conv", "layer1.0.conv1"),
        ("layer1.0.conv1", "Conv", "layer1.0.conv1"),
        ("/relu/Relu_1", "Relu", "relu"),
        ("model/conv1/Conv2D:0", "Conv", "model.conv1.Conv2D"),
        ("Conv", "Conv", "Conv"),
    ],
)
def test_names_of_frameworks_become_one(name: str, type_: str, expected: str) -> None:
    assert canonical(name, type_) == expected


def test_shared_names_are_matched_whatever_their_number() -> None:
    a = [layer("c1"), layer("c2", size=16), layer("fc", "Gemm")]
    b = [layer("/c1/Conv"), layer("extra", "Cast"), layer("/c2/Conv", size=16)]
    found = align(a, b)
    assert names(found, a, b) == [("c1", "/c1/Conv", "name"), ("c2", "/c2/Conv", "name")]
    assert (found.only_a, found.only_b) == ((2,), (1,))


def test_without_names_types_and_sizes_align_in_order() -> None:
    a = [layer("p0", size=8), layer("p1", size=16), layer("p2", "MaxPool", 16)]
    # NHWC, another batch, and one convolution that A has not.
    b = [
        layer("q0", output_shapes=((4, 4, 4, 8),)),
        layer("q1", output_shapes=((4, 4, 4, 64),)),
        layer("q2", output_shapes=((4, 4, 4, 16),)),
        layer("q3", "MaxPool", output_shapes=((4, 4, 4, 16),)),
    ]
    found = align(a, b)
    assert names(found, a, b) == [
        ("p0", "q0", "sequence"),
        ("p1", "q2", "sequence"),
        ("p2", "q3", "sequence"),
    ]
    assert found.only_b == (1,)


def test_a_fused_layer_is_matched_with_all_its_parts() -> None:
    a = [layer("conv1"), layer("bn1", "BatchNormalization"), layer("relu1", "Relu"), layer("c2")]
    # Named like the last operator that went into it, as some frameworks do.
    b = [layer("relu1", "Conv", 8, "conv1", "bn1", "relu1"), layer("c2")]
    found = align(a, b)
    assert names(found, a, b) == [("conv1+bn1+relu1", "relu1", "fused"), ("c2", "c2", "name")]
    assert (found.only_a, found.only_b) == ((), ())
    turned = align(b, a)
    assert names(turned, b, a)[0] == ("relu1", "conv1+bn1+relu1", "fused")


def test_what_nobody_tells_is_inferred_and_said_to_be() -> None:
    a = [layer("conv1"), layer("relu1", "Relu"), layer("soft", "Softmax"), layer("add", "Add", 99)]
    b = [layer("kernel7")]
    found = align(a, b)
    assert names(found, a, b) == [("conv1+relu1", "kernel7", "fused, inferred")]
    # No operator that is fused away, and one of another size: listed, not guessed.
    assert found.only_a == (2, 3)


def test_branches_in_another_order_are_matched_by_name() -> None:
    a = [layer("left"), layer("right", size=16)]
    found = align(a, a[::-1])
    assert {(pair.a, pair.b) for pair in found.pairs} == {((0,), (1,)), ((1,), (0,))}


_LAYERS = st.lists(
    st.builds(
        lambda name, type_, size, parts: layer(name, type_, size, *parts),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["Conv", "Relu", "Add", "Gemm"]),
        st.sampled_from([4, 8]),
        st.lists(st.sampled_from("abcdefgh"), max_size=3),
    ),
    max_size=8,
)


@given(a=_LAYERS, b=_LAYERS)
def test_every_layer_is_somewhere_once(a: list[Layer], b: list[Layer]) -> None:
    found = align(a, b)
    for side, layers, rest in (("a", a, found.only_a), ("b", b, found.only_b)):
        places = [place for pair in found.pairs for place in getattr(pair, side)]
        assert sorted([*places, *rest]) == list(range(len(layers)))
    assert all(pair.a and pair.b for pair in found.pairs)


@given(a=_LAYERS)
def test_a_trace_aligns_with_itself(a: list[Layer]) -> None:
    found = align(a, a)
    assert [(pair.a, pair.b) for pair in found.pairs] == [((i,), (i,)) for i in range(len(a))]
