"""Layer records of real models on every framework, held against counts made by other means."""

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from tests.sut.layers_process import BATCH, LENGTH

from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue

pytestmark = pytest.mark.xdist_group("layers")

Described = dict[str, Any]
PROCESS = Path(__file__).with_name("layers_process.py")
FRAMEWORKS = ("onnxruntime", "openvino", "pytorch", "tensorflow", "mxnet")
# Of these one model is traced.
FURTHER = ("opencv",)
LITE = "efficientnet-lite0"
# What one process is asked for, as a framework takes seconds to import.
SHORT, LONG = (LITE, "bert-tiny"), ("resnet50-seeded",)
MODELS = (*SHORT, *(pytest.param(model, marks=pytest.mark.long) for model in LONG))

# Grappler folds what it can compute of these, and MXNet hands a mere copy to its engine.
MAY_VANISH = {
    "tensorflow": {"Const", "Placeholder", "Pack", "Reshape"},
    "mxnet": {"null", "_copy"},
}
# What torch.fx and eager execution call by two names.
SAME_CALL = {"iadd": "add", "rsub": "sub"}


@pytest.fixture(scope="session")
def described(
    kept_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Described]:
    """A model's records and graph on a framework; MXNet can profile once a process."""
    known: dict[tuple[str, str], Described] = {}

    def get(framework: str, model: str) -> Described:
        if (framework, model) not in known:
            output = tmp_path_factory.mktemp("layers") / "layers.json"
            together = SHORT if model in SHORT else LONG
            models = (model,) if framework in ("mxnet", *FURTHER) else together
            done = subprocess.run(
                [sys.executable, PROCESS, framework, kept_cache, output, *models],
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert done.returncode == 0, done.stderr
            found = json.loads(output.read_text(encoding="utf-8"))
            known.update({(framework, each): found[each] for each in models})
        return known[framework, model]

    return get


@pytest.mark.parametrize("model", MODELS)
def test_onnxruntime_records_are_the_nodes_after_its_optimiser(
    described: Callable[[str, str], Described], model: str
) -> None:
    found = described("onnxruntime", model)
    ran = Counter(layer["attributes"]["operator"] for layer in found["layers"])
    assert ran == Counter(operator for _, operator, _ in found["graph"])
    nodes = onnx.load(found["file"], load_external_data=False).graph.node
    assert constituents(found) == Counter(node.name or node.output[0] for node in nodes)
    # What has no part of the file is ONNX Runtime's own change of the order in memory.
    parts = {node.name or node.output[0]: node.op_type for node in nodes}
    for layer in found["layers"]:
        operator, own = layer["attributes"]["operator"], layer["attributes"]["constituents"]
        if not own:
            assert operator in ("ReorderInput", "ReorderOutput")
        elif operator in parts.values():
            assert layer["type"] in (operator, *(parts[part] for part in own))
            assert operator in (parts[part] for part in own)


@pytest.mark.parametrize("model", MODELS)
def test_pytorch_records_are_the_calls_of_eager_execution_in_order(
    described: Callable[[str, str], Described], model: str
) -> None:
    found = described("pytorch", model)
    ran = [layer["attributes"]["operator"] for layer in found["layers"]]
    eager = [call for _, call, _ in found["graph"]]
    assert [SAME_CALL.get(each, each) for each in ran] == [
        SAME_CALL.get(each, each) for each in eager
    ]
    modules = [name for name, _, _ in found["graph"] if name]
    assert [layer["name"] for layer in found["layers"] if "." in layer["name"]] == [
        name for name in modules if "." in name
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("framework", ["tensorflow", "mxnet"])
def test_every_operator_of_the_file_is_in_one_record(
    described: Callable[[str, str], Described], framework: str, model: str
) -> None:
    found = described(framework, model)
    operators = {name: operator for name, operator, _ in found["graph"]}
    # MXNet names the parts of what it has fused alone.
    told = constituents(found, alone=framework == "mxnet")
    assert set(told) <= set(operators)
    assert set(told.values()) == {1}
    vanished = {operators[name] for name in operators.keys() - told.keys()}
    assert vanished <= MAY_VANISH[framework]


@pytest.mark.parametrize(
    ("framework", "model"),
    [
        *itertools.product(FRAMEWORKS, SHORT),
        *(pytest.param(each, *LONG, marks=pytest.mark.long) for each in FRAMEWORKS),
        *itertools.product(FURTHER, (LITE,)),
    ],
)
def test_records_are_in_order_and_whole(
    described: Callable[[str, str], Described], framework: str, model: str
) -> None:
    layers = described(framework, model)["layers"]
    assert [layer["index"] for layer in layers] == list(range(len(layers)))
    starts = [layer["start_ns"] for layer in layers]
    assert starts == sorted(starts)
    for layer in layers:
        assert layer["type"] and layer["output_shapes"] and layer["dtype"]
        assert layer["duration_ns"] >= 0 and layer["bytes"] > 0


@pytest.mark.parametrize("framework", FURTHER)
def test_lite0_has_the_operators_of_the_file_and_all_its_products(
    described: Callable[[str, str], Described], kept_cache: Path, framework: str
) -> None:
    found = described(framework, LITE)
    entry = Catalogue.load().get(LITE)
    path = materialise(LITE, entry, "onnxruntime", kept_cache, lambda *_: None).artifact.path
    nodes = [node.name or node.output[0] for node in onnx.load(path).graph.node]
    told = constituents(found)
    assert set(told) <= set(nodes) and set(told.values()) == {1}
    convolutions = [layer for layer in found["layers"] if layer["type"] == "Conv"]
    assert len(convolutions) == 49
    assert all(layer["attributes"]["constituents"] for layer in convolutions)
    # tensorflow/tpu, models/official/efficientnet/lite/README.md: 407 M multiply-adds.
    total = sum(layer["flops"] for layer in found["layers"]) / found["batch"]
    assert total == pytest.approx(2 * 407e6, rel=0.05)


@pytest.mark.long
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_resnet50_has_all_convolutions_in_order_and_the_dense_layer_behind(
    described: Callable[[str, str], Described], framework: str
) -> None:
    layers = described(framework, "resnet50-seeded")["layers"]
    last = framework == "tensorflow"
    ran = [
        (plane(layer["input_shapes"][0], last), plane(layer["output_shapes"][0], last))
        for layer in layers
        if layer["type"] == "Conv"
    ]
    assert len(ran) == 53
    at = 0
    for block, shortcut in resnet50_blocks():
        # A framework may run the shortcut's convolution anywhere in its block.
        here = ran[at : at + len(block) + len(shortcut)]
        for each in shortcut:
            here.remove(each)
        assert here == block
        at += len(block) + len(shortcut)
    (dense,) = [layer for layer in layers if layer["type"] == "Gemm"]
    assert dense["output_shapes"] == [[BATCH, 1000]]
    assert dense["input_shapes"][0] == [BATCH, 2048]
    assert dense["index"] > max(layer["index"] for layer in layers if layer["type"] == "Conv")
    total = sum(layer["flops"] for layer in layers) / BATCH
    assert total == pytest.approx(8.2e9, rel=0.02)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_products_of_bert_tiny_are_counted(
    described: Callable[[str, str], Described], framework: str
) -> None:
    layers = described(framework, "bert-tiny")["layers"]
    counted = sum(
        layer["flops"] for layer in layers if layer["type"] in ("Gemm", "MatMul", "Attention")
    )
    width, heads, inner, depth, answers = 128, 2, 512, 2, 2
    tokens = BATCH * LENGTH
    # Query, key, value and output; two of the feed-forward; two of each head's attention.
    products = depth * (4 * width * width + 2 * width * inner) * tokens
    products += depth * 2 * BATCH * heads * LENGTH * LENGTH * (width // heads)
    products += answers * width * tokens
    # Biases, and what is done to the scores, are less than a hundredth.
    assert 2 * products <= counted <= 2 * products * 1.02


def constituents(found: Described, alone: bool = False) -> Counter[str]:
    """How often each operator is named as a part; ``alone``: an unfused layer is its own."""
    return Counter(
        part
        for layer in found["layers"]
        for part in layer["attributes"]["constituents"] or [layer["name"]] * alone
    )


Plane = tuple[int, int]
"""Channels, and the side of a square."""
Convolution = tuple[Plane, Plane]


def plane(shape: list[int], channels_last: bool) -> Plane:
    images, *rest = shape
    assert images == BATCH
    channels, height, width = (rest[2], *rest[:2]) if channels_last else rest
    assert height == width
    return channels, height


def resnet50_blocks() -> Iterator[tuple[list[Convolution], list[Convolution]]]:
    """Each block's convolutions, and that of its shortcut (arXiv:1512.03385, v1.5 strides)."""
    yield [((3, 224), (64, 112))], []
    given = (64, 56)
    for inner, blocks, side in ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7)):
        for block in range(blocks):
            narrow, moved, wide = (inner, given[1]), (inner, side), (4 * inner, side)
            shortcut = [] if block else [(given, wide)]
            yield [(given, narrow), (narrow, moved), (moved, wide)], shortcut
            given = wide
