"""Small graphs of each operator: TensorFlow and MXNet answer what ONNX Runtime answers."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

FRAMEWORKS = ("tensorflow", "mxnet")
RANDOM = np.random.default_rng(11)
IMAGE = {"x": (TensorProto.FLOAT, ["batch", 4, 9, 12])}
TOKENS = {"x": (TensorProto.FLOAT, ["batch", "length", 8])}
IDS = {"ids": (TensorProto.INT64, ["batch", "length"])}


def some(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


def conv(graph, shape, **attributes):
    return graph("Conv", "x", some(*shape), some(shape[0]), **attributes)


def gelu(graph, x):
    erf = graph("Erf", graph("Div", x, np.array(np.sqrt(2), np.float32)))
    half = graph("Mul", np.array(0.5, np.float32), graph("Add", erf, np.array(1, np.float32)))
    return graph("Mul", x, half)


def attention(graph):
    """Transposed as PyTorch's exporter does it: three axes, exchanged, four again."""
    lead = graph("Shape", "x", start=0, end=2)
    heads = graph("Reshape", "x", graph("Concat", lead, whole(2, 4), axis=0))
    four = graph("Transpose", heads, perm=[0, 2, 1, 3])
    sizes = graph("Shape", four)
    batch, length = (graph("Slice", sizes, whole(at), whole(at + 1)) for at in (0, 2))
    rest = graph("Slice", sizes, whole(2), whole(4))
    three = graph("Reshape", four, graph("Concat", whole(-1), rest, axis=0))
    turned = graph("Transpose", three, perm=[0, 2, 1])
    keys = graph("Reshape", turned, graph("Concat", batch, whole(2, 4), length, axis=0))
    weights = graph("Softmax", graph("MatMul", four, keys), axis=-1)
    mixed = graph("Transpose", graph("MatMul", weights, four), perm=[0, 2, 1, 3])
    return graph("Reshape", mixed, graph("Concat", lead, whole(8), axis=0))


def embedding(graph):
    length = graph("Shape", "ids", start=1, end=2)
    rows = graph("Slice", some(16, 6), whole(0), length, whole(0), whole(1))
    return graph("Add", graph("Gather", some(10, 6), "ids", axis=0), rows)


def mask(graph):
    kept = graph("Cast", "ids", to=TensorProto.FLOAT)
    added = graph("Mul", graph("Sub", np.array(1, np.float32), kept), np.array(-3, np.float32))
    return graph("Unsqueeze", added, whole(1, 2))


def focus(graph):
    """Every second row and column, as YOLOX begins."""
    parts = [
        graph("Slice", graph("Slice", "x", whole(row), whole(2**63 - 1), whole(2), whole(2)),
              whole(column), whole(12), whole(3), whole(2))
        for row in (0, 1) for column in (0,)
    ]  # fmt: skip
    return graph("Concat", *[graph("Slice", part, whole(0), whole(4), whole(2)) for part in parts],
                 axis=1)  # fmt: skip


def head(graph):
    """Two scales merged into rows of channels, as YOLOX ends."""
    rows = [
        graph("Reshape", conv(graph, (5, 4, 1, 1), strides=[step, step]), whole(0, 5, -1))
        for step in (1, 3)
    ]
    return graph("Transpose", graph("Concat", *rows, axis=2), perm=[0, 2, 1])


CASES = {
    "conv without padding": (IMAGE, lambda g: conv(g, (5, 4, 3, 3))),
    "conv without bias": (IMAGE, lambda g: g("Conv", "x", some(5, 4, 1, 1))),
    "conv padded alike": (IMAGE, lambda g: conv(g, (5, 4, 3, 3), pads=[1, 1, 1, 1])),
    "conv padded at the end": (
        IMAGE,
        lambda g: conv(g, (5, 4, 3, 3), pads=[0, 0, 1, 1], strides=[2, 2]),
    ),
    "conv padded before its stride": (
        IMAGE,
        lambda g: conv(g, (5, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2]),
    ),
    "conv with a wide window": (
        IMAGE,
        lambda g: conv(g, (5, 4, 3, 5), pads=[1, 2, 1, 2], strides=[2, 1]),
    ),
    "conv with holes": (
        IMAGE,
        lambda g: conv(g, (5, 4, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2]),
    ),
    "depthwise conv": (IMAGE, lambda g: conv(g, (4, 1, 3, 3), group=4, pads=[1, 1, 1, 1])),
    "depthwise conv padded before its stride": (
        IMAGE,
        lambda g: conv(g, (4, 1, 3, 3), group=4, pads=[1, 1, 1, 1], strides=[2, 2]),
    ),
    "depthwise conv of two results": (
        IMAGE,
        lambda g: conv(g, (8, 1, 5, 5), group=4, pads=[1, 1, 2, 2], strides=[2, 2]),
    ),
    "max pool": (
        IMAGE,
        lambda g: g("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    ),
    "max pool of negative numbers": (
        IMAGE,
        lambda g: g("MaxPool", g("Sub", "x", np.array(9, np.float32)), kernel_shape=[5, 5],
                    pads=[2, 2, 2, 2]),
    ),
    "global average pool": (IMAGE, lambda g: g("Flatten", g("GlobalAveragePool", "x"))),
    "mean over the image": (IMAGE, lambda g: g("ReduceMean", "x", whole(2, 3), keepdims=0)),
    "mean over the image, axes kept": (IMAGE, lambda g: g("ReduceMean", "x", whole(-1, -2))),
    "mean over channels": (IMAGE, lambda g: g("ReduceMean", "x", whole(1))),
    "clip to 6": (
        IMAGE,
        lambda g: g("Clip", g("Mul", "x", np.array(5, np.float32)), np.array(0, np.float32),
                    np.array(6, np.float32)),
    ),
    "clip from below": (IMAGE, lambda g: g("Clip", "x", np.array(-0.5, np.float32))),
    "hard sigmoid": (IMAGE, lambda g: g("HardSigmoid", g("Mul", "x", np.array(5, np.float32)),
                                        alpha=1 / 6, beta=0.5)),
    "hard sigmoid of its defaults": (IMAGE, lambda g: g("HardSigmoid", "x")),
    "hard swish": (IMAGE, lambda g: g("HardSwish", g("Mul", conv(g, (4, 4, 1, 1)),
                                                     np.array(5, np.float32)))),
    "leaky relu": (IMAGE, lambda g: g("LeakyRelu", conv(g, (4, 4, 1, 1)), alpha=0.1)),
    "bilinear to twice": (
        IMAGE,
        lambda g: g("Resize", "x", "", np.array([1, 1, 2, 2], np.float32), mode="linear"),
    ),
    "bilinear to other sizes": (
        IMAGE,
        lambda g: g("Resize", "x", "", "", whole(6, 24), mode="linear", axes=[2, 3]),
    ),
    "relu": (IMAGE, lambda g: g("Relu", "x")),
    "swish": (IMAGE, lambda g: g("Mul", "x", g("Sigmoid", "x"))),
    "add to itself after a conv": (
        IMAGE,
        lambda g: g("Add", "x", conv(g, (4, 4, 3, 3), pads=[1, 1, 1, 1])),
    ),
    "scale by channel": (IMAGE, lambda g: g("Mul", some(4, 1, 1), "x")),
    "divide by one row": (IMAGE, lambda g: g("Div", "x", np.abs(some(12)) + 1)),
    "number minus tensor": (IMAGE, lambda g: g("Sub", np.array(2, np.float32), "x")),
    "number by tensor": (
        IMAGE,
        lambda g: g("Div", np.array(2, np.float32), g("Sigmoid", "x")),
    ),
    "nearest rows and columns twice": (
        IMAGE,
        lambda g: g("Resize", "x", "", np.array([1, 1, 2, 2], np.float32), mode="nearest",
                    coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    ),
    "image flattened": (IMAGE, lambda g: g("Flatten", conv(g, (5, 4, 1, 1)))),
    "image transposed": (IMAGE, lambda g: g("Transpose", conv(g, (5, 4, 1, 1)),
                                            perm=[0, 3, 1, 2])),
    "every second pixel": (IMAGE, focus),
    "scales joined": (IMAGE, head),
    "gemm": (
        {"x": (TensorProto.FLOAT, ["batch", 4])},
        lambda g: g("Gemm", "x", some(4, 7), some(7)),
    ),
    "gemm, weights transposed": (
        {"x": (TensorProto.FLOAT, ["batch", 4])},
        lambda g: g("Gemm", "x", some(7, 4), transB=1),
    ),
    "linear": (TOKENS, lambda g: g("Add", some(3), g("MatMul", "x", some(8, 3)))),
    "linear without bias": (TOKENS, lambda g: g("MatMul", "x", some(8, 3))),
    "linear and gelu": (
        TOKENS,
        lambda g: gelu(g, g("Add", g("MatMul", "x", some(8, 6)), some(6))),
    ),
    "gelu alone": (TOKENS, lambda g: gelu(g, "x")),
    "layer norm": (
        TOKENS,
        lambda g: g("LayerNormalization", "x", some(8), some(8), epsilon=1e-12),
    ),
    "attention": (TOKENS, attention),
    "embedding": (IDS, embedding),
    "mask": (IDS, mask),
}  # fmt: skip


def feeds_for(inputs):
    sizes = {"batch": 3, "length": 7}
    feeds = {}
    for name, (kind, shape) in inputs.items():
        shape = [sizes.get(size, size) for size in shape]
        integers = kind == TensorProto.INT64
        feeds[name] = RANDOM.integers(0, 10, shape) if integers else some(*shape)
    return feeds


def file_name(case):
    return case.replace(" ", "-").replace(",", "")


pytestmark = pytest.mark.xdist_group("operators")


@pytest.fixture(scope="module")
def answers(tmp_path_factory, new_graph, convert_folder):
    """A folder with the answers of ONNX Runtime and of both frameworks to all cases."""
    folder = tmp_path_factory.mktemp("cases")
    for case, (inputs, write) in CASES.items():
        graph, feeds = new_graph(), feeds_for(inputs)
        path = folder / f"{file_name(case)}.onnx"
        graph.save(path, inputs, write(graph))
        np.savez(path.with_suffix(".npz"), **feeds)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        np.save(path.with_suffix(".onnxruntime.npy"), session.run(None, feeds)[0])
    for framework in FRAMEWORKS:
        convert_folder(framework, folder)
    return folder


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", CASES)
def test_the_framework_answers_as_onnx_runtime(answers, framework, case):
    path = answers / file_name(case)
    refused = path.with_suffix(f".{framework}.txt")
    assert not refused.exists(), refused.read_text()
    found, wanted = (
        np.load(path.with_suffix(f".{each}.npy")) for each in (framework, "onnxruntime")
    )
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
