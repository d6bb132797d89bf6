"""The trained decoder as a model folder of ONNX Runtime GenAI, in the form of its model builder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.decoder import Decoder, State
from loadscope.tools import build

WEIGHTS = Path(str(build.__file__)).parent / "data" / "bulletin_decoder.pth"
CONTEXT, HEADS, PAIRS, LAYERS, WORDS, BEGIN, END = 256, 4, 2, 2, 260, 256, 257
HEAD = 16


class Graph:
    """Nodes and constants, as they come."""

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._weights = weights

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], *outputs: str, **given: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [*outputs], **given))
        return outputs[0]

    def linear(self, x: str, name: str) -> str:
        weight = self.constant(name, self._weights[f"{name}.weight"].T)
        return self.node("MatMul", [x, weight], "logits" if name == "lm_head" else f"{name}:y")

    def norm(self, x: str, name: str) -> str:
        scale = self.constant(name, self._weights[f"{name}.weight"])
        kind = "SimplifiedLayerNormalization"
        return self.node(kind, [x, scale], f"{name}:y", epsilon=1e-5, axis=-1)

    def block(self, x: str, layer: int) -> str:
        p = f"layers.{layer}."
        y = self.norm(x, p + "input_norm")
        parts = [self.linear(y, f"{p}attention.{one}_proj") for one in "qkv"]
        parts += [f"past_key_values.{layer}.{one}" for one in ("key", "value")]
        presents = [f"present.{layer}.{one}" for one in ("key", "value")]
        self.node(
            "GroupQueryAttention", [*parts, "lasts", "total", "cos", "sin"], p + "seen", *presents,
            domain="com.microsoft", num_heads=HEADS, kv_num_heads=PAIRS, do_rotary=1,
        )  # fmt: skip
        x = self.node("Add", [x, self.linear(p + "seen", p + "attention.o_proj")], p + "x1")
        y = self.norm(x, p + "output_norm")
        gate, up = self.linear(y, p + "gate_proj"), self.linear(y, p + "up_proj")
        self.node("Sigmoid", [gate], p + "share")
        self.node("Mul", [gate, p + "share"], p + "silu")
        self.node("Mul", [p + "silu", up], p + "inner")
        return self.node("Add", [x, self.linear(p + "inner", p + "down_proj")], p + "x2")


def genai_folder(folder: Path, every_token: bool = True) -> Path:
    """Write it; without ``every_token`` the last one of a prompt alone has scores."""
    state = torch.load(WEIGHTS, weights_only=True)
    weights = {name: value.numpy() for name, value in state.items()}
    graph = Graph(weights)
    angles = np.outer(np.arange(CONTEXT), 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD))
    for name, value in {
        "cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32),
        "one": np.array([1]), "first": np.array(1), "end": np.array([-1]),
        "most": np.array([2**31]), "embed": weights["embed_tokens.weight"],
    }.items():  # fmt: skip
        graph.constant(name, value)
    graph.node("ReduceSum", ["attention_mask", "one"], "lengths", keepdims=0)
    graph.node("Sub", ["lengths", "one"], "places")
    graph.node("Cast", ["places"], "lasts", to=TensorProto.INT32)
    graph.node("Shape", ["attention_mask"], "sizes")
    graph.node("Gather", ["sizes", "first"], "width")
    graph.node("Cast", ["width"], "total", to=TensorProto.INT32)
    x = graph.node("Gather", ["embed", "input_ids"], "x")
    for layer in range(LAYERS):
        x = graph.block(x, layer)
    if not every_token:
        x = graph.node("Slice", [x, "end", "most", "one"], "last")
    graph.linear(graph.norm(x, "norm"), "lm_head")
    value = helper.make_tensor_value_info
    whole, real = TensorProto.INT64, TensorProto.FLOAT
    names = [f"{layer}.{part}" for layer in range(LAYERS) for part in ("key", "value")]
    made = helper.make_graph(
        graph.nodes, "bulletins",
        [
            value("input_ids", whole, ["N", "L"]), value("attention_mask", whole, ["N", "W"]),
            *(value(f"past_key_values.{one}", real, ["N", PAIRS, "P", HEAD]) for one in names),
        ],
        [
            value("logits", real, ["N", "L" if every_token else 1, WORDS]),
            *(value(f"present.{one}", real, ["N", PAIRS, "W", HEAD]) for one in names),
        ],
        graph.constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    folder.mkdir()
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    (folder / "genai_config.json").write_text(json.dumps(config()))
    (folder / "prompts.yaml").write_text("tokenizer: bytes\n")
    return folder


def config() -> dict[str, Any]:
    """What the folder's ``genai_config.json`` says; greedy search is left to who runs it."""
    sides = {"inputs": "past", "outputs": "present"}
    names: dict[str, dict[str, str]] = {"inputs": {}, "outputs": {}}
    for side, what in sides.items():
        stem = "past_key_values" if what == "past" else what
        names[side] = {f"{what}_{one}_names": f"{stem}.%d.{one}" for one in ("key", "value")}
    names["inputs"] |= {"input_ids": "input_ids", "attention_mask": "attention_mask"}
    return {
        "model": {
            "type": "llama", "bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": WORDS - 1,
            "context_length": CONTEXT, "vocab_size": WORDS,
            "decoder": {
                "session_options": {"provider_options": []}, "filename": "model.onnx",
                "head_size": HEAD, "hidden_size": HEADS * HEAD, "num_attention_heads": HEADS,
                "num_key_value_heads": PAIRS, "num_hidden_layers": LAYERS, **names,
            },
        },
        "search": {
            "do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0,
            "max_length": CONTEXT, "past_present_share_buffer": True,
        },
    }  # fmt: skip


def of_genai(folder: Path) -> Artifact:
    """The folder as GenAI's backend takes it."""
    return Artifact(
        folder, "genai", (TensorInfo("input_ids", "int64", (-1,)),),
        (TensorInfo("logits", "float32", (-1, WORDS)),), decoder=Decoder("input_ids", "logits", ()),
    )  # fmt: skip


def of_onnxruntime(folder: Path) -> Artifact:
    """The folder's file with its states, for a loop that keeps them."""
    states = tuple(
        State(f"past_key_values.{one}", f"present.{one}", "float32", (PAIRS, -1, HEAD))
        for one in (f"{layer}.{part}" for layer in range(LAYERS) for part in ("key", "value"))
    )
    names = ("input_ids", "attention_mask")
    return Artifact(
        folder / "model.onnx", "onnx", tuple(TensorInfo(name, "int64", (-1,)) for name in names),
        (TensorInfo("logits", "float32", (-1, WORDS)),),
        decoder=Decoder("input_ids", "logits", states, "attention_mask"),
    )  # fmt: skip
