"""Decoders whose answers can be worked out by hand: the next token is a sum of those before.

The state is the tokens themselves, so that a past that is lost, doubled or of another sequence
gives another answer.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.decoder import Decoder, Encoder, State
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend

WORDS = 11
END = 10
_F, _I, _B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
_value = helper.make_tensor_value_info


def answer(prompt: list[int], limit: int, memory: int = 0, least: int = 1) -> list[int]:
    """What the decoders answer: each token is the sum of all before it, modulo ``WORDS``."""
    tokens: list[int] = []
    while len(tokens) < limit and tokens[-1:] != [END]:
        token = (sum(prompt) + sum(tokens) + memory) % WORDS
        # The scores of other tokens are equal: the lowest of them is the next best.
        tokens.append(0 if token == END and len(tokens) < least else token)
    return tokens


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> None:
    constants = {
        "last": np.array(-1), "axes": np.array([2, 3]), "states": np.array([0, 1, -1, 1]),
        "words": np.array(WORDS), "values": np.array([0.0, 1.0], np.float32),
        "unit": np.array([0, 1, -1]), "column": np.array([1]), "wide": np.array([1, 3]),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "sum", inputs, outputs,
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


_NODE = helper.make_node
_APPEND = [
    _NODE("Cast", ["input_ids"], ["numbers"], to=_F),
    _NODE("Unsqueeze", ["numbers", "wide"], ["new"]),
    _NODE("Concat", ["past.0", "new"], ["present.0"], axis=2),
]
_SCORE = [
    _NODE("Cast", ["sum"], ["whole"], to=_I),
    _NODE("Mod", ["whole", "words"], ["next"]),
    _NODE("OneHot", ["next", "words", "values"], ["scores"]),
    _NODE("Unsqueeze", ["scores", "column"], ["logits"]),
]
_STATE: list[str | int | None] = ["N", 1, "P", 1]


def sum_decoder(folder: Path, masked: bool = True) -> Artifact:
    """A decoder of prompts; without ``masked`` it takes no mask."""
    path = folder / "sum.onnx"
    mask = [
        _NODE("Cast", ["attention_mask"], ["seen"], to=_F),
        _NODE("Unsqueeze", ["seen", "wide"], ["shown"]),
        _NODE("Mul", ["present.0", "shown"], ["kept"]),
    ]
    total = [_NODE("ReduceSum", ["kept" if masked else "present.0", "all"], ["sum"], keepdims=0)]
    total = [_NODE("Identity", ["axes23"], ["all"]), *total]
    inputs = [_value("input_ids", _I, ["N", "L"]), _value("past.0", _F, _STATE)]
    names = ["input_ids"]
    if masked:
        inputs.insert(1, _value("attention_mask", _I, ["N", "W"]))
        names.append("attention_mask")
    outputs = [_value("logits", _F, ["N", 1, WORDS]), _value("present.0", _F, ["N", 1, "W", 1])]
    axes = _NODE("Constant", [], ["axes23"], value=numpy_helper.from_array(np.array([1, 2, 3])))
    _save(path, [*_APPEND, *(mask if masked else []), axes, *total, *_SCORE], inputs, outputs)
    return Artifact(
        path, "onnx",
        tuple(TensorInfo(name, "int64", (-1,)) for name in names),
        (TensorInfo("logits", "float32", (1, WORDS)),),
        decoder=Decoder(
            "input_ids", "logits", (State("past.0", "present.0", "float32", (1, -1, 1)),),
            "attention_mask" if masked else "",
        ),
    )  # fmt: skip


def sum_encoder_decoder(folder: Path) -> Artifact:
    """An encoder that doubles a sample, and a decoder that adds the sum of it to each token."""
    double = _NODE("Add", ["sample", "sample"], ["hidden"])
    _save(
        folder / "encoder.onnx", [double],
        [_value("sample", _F, ["N", "T"])], [_value("hidden", _F, ["N", "T"])],
    )  # fmt: skip
    # Keys of an encoder's output are made in the first step alone, as merged decoders do.
    made = [
        _NODE("Unsqueeze", ["memory", "wide"], ["made"]),
    ]
    empty = [_NODE("Identity", ["past.1"], ["empty"])]
    first = helper.make_graph(made, "first", [], [_value("made", _F, ["N", 1, "T", 1])])
    later = helper.make_graph(empty, "later", [], [_value("empty", _F, ["N", 1, "T", 1])])
    nodes = [
        *_APPEND,
        _NODE("Squeeze", ["use_cache"], ["cached"]),
        _NODE("If", ["cached"], ["present.1"], then_branch=later, else_branch=first),
        _NODE("Constant", [], ["all"], value=numpy_helper.from_array(np.array([1, 2, 3]))),
        _NODE("ReduceSum", ["present.0", "all"], ["own"], keepdims=0),
        _NODE("ReduceSum", ["present.1", "all"], ["read"], keepdims=0),
        _NODE("Add", ["own", "read"], ["sum"]),
        *_SCORE,
    ]
    path = folder / "decoder.onnx"
    _save(
        path, nodes,
        [
            _value("input_ids", _I, ["N", "L"]), _value("memory", _F, ["N", "T"]),
            _value("use_cache", _B, [1]), _value("past.0", _F, _STATE),
            _value("past.1", _F, ["N", 1, "Q", 1]),
        ],
        [
            _value("logits", _F, ["N", 1, WORDS]), _value("present.0", _F, ["N", 1, "W", 1]),
            _value("present.1", _F, ["N", 1, "R", 1]),
        ],
    )  # fmt: skip
    return Artifact(
        path, "onnx",
        (
            TensorInfo("input_ids", "int64", (-1,)), TensorInfo("memory", "float32", (-1,)),
            TensorInfo("use_cache", "bool", ()),
        ),
        (TensorInfo("logits", "float32", (1, WORDS)),),
        decoder=Decoder(
            "input_ids", "logits",
            (
                State("past.0", "present.0", "float32", (1, -1, 1)),
                State("past.1", "present.1", "float32", (1, -1, 1), kept=True),
            ),
            cached="use_cache",
            encoder=Encoder(
                folder / "encoder.onnx", (TensorInfo("sample", "float32", (-1,)),),
                (TensorInfo("hidden", "float32", (-1,)),), {"memory": "hidden"}, masked=True,
            ),
        ),
    )  # fmt: skip


def loaded(artifact: Artifact | None) -> OnnxRuntimeBackend:
    """The artifact in ONNX Runtime, on one thread."""
    assert artifact is not None
    backend = OnnxRuntimeBackend()
    backend.load(artifact, 1)
    return backend
