"""Tests that import PyTorch and ONNX Runtime; ``test_frameworks.py`` runs them by themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from loadscope.errors import InputError
from loadscope.sut.architectures.bert import SHAPES
from loadscope.sut.architectures.registry import build_architecture
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend
from loadscope.sut.pytorch.backend import PyTorchBackend
from loadscope.tensors import ANY_SIZE, Tensors
from loadscope.tools.build.onnx_export import export_onnx
from loadscope.tools.build.seeded import write_seeded

NAMES = ("input_ids", "attention_mask", "token_type_ids")
TEXTS = tuple(TensorInfo(name, "int64", (ANY_SIZE,)) for name in NAMES)
SCORES = (TensorInfo("logits", "float32", (ANY_SIZE, 2)),)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bert") / "tiny.pth"
    write_seeded("bert-tiny", 2, 384, 7, path)
    return path


@pytest.fixture(scope="module")
def exported(weights: Path) -> Path:
    path = weights.with_suffix(".onnx")
    export_onnx("bert-tiny", 2, 384, weights, NAMES, ["logits"], path)
    return path


def pytorch(path: Path, inputs: tuple[TensorInfo, ...] = TEXTS, **options: Any) -> PyTorchBackend:
    backend = PyTorchBackend()
    backend.load(
        Artifact(path, "state-dict", inputs, SCORES, architecture="bert-tiny", options=options), 1
    )
    return backend


def texts(batch: int, length: int, seed: int = 0) -> Tensors:
    random = np.random.default_rng(seed)
    ids = random.integers(999, 30000, (batch, length))
    segments = (np.arange(length) > length // 3).astype(np.int64)
    return {
        "input_ids": ids,
        "attention_mask": np.ones((batch, length), np.int64),
        "token_type_ids": np.ascontiguousarray(np.broadcast_to(segments, ids.shape)),
    }


def padded(batch: Tensors, length: int) -> Tensors:
    short = batch["input_ids"].shape[1]
    return {name: np.pad(array, ((0, 0), (0, length - short))) for name, array in batch.items()}


def test_padding_changes_no_score_of_a_token(weights: Path) -> None:
    backend, batch = pytorch(weights), texts(2, 21)
    plain = backend.predict(batch)["logits"]
    filled = backend.predict(padded(batch, 50))["logits"]
    assert plain.shape == (2, 21, 2)
    assert np.abs(filled[:, :21] - plain).max() < 1e-5


def test_onednn_multiplies_to_the_same_scores(weights: Path) -> None:
    batch = texts(2, 21)
    fast = pytorch(weights, onednn_linear=True)
    plain = pytorch(weights).predict(batch)["logits"]
    np.testing.assert_allclose(fast.predict(batch)["logits"], plain, rtol=1e-4, atol=1e-5)
    layers = fast.tracer(with_layers=True)
    layers.predict(batch)
    (found,) = layers.finish()
    products = [layer for layer in found.layers if layer.type == "Gemm"]
    assert len(products) == 6 * SHAPES["bert-tiny"].layers + 1
    assert all(layer.flops for layer in products)


@pytest.mark.parametrize("other", [{"compile": True}, {"dtype": "bfloat16"}, {"device": "nnpa"}])
def test_onednn_stands_alone(weights: Path, other: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="onednn_linear has no meaning beside"):
        pytorch(weights, onednn_linear=True, **other)


def test_onednn_must_be_there(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(InputError, match="this build has no oneDNN"):
        pytorch(weights, onednn_linear=True)


def test_segments_and_order_of_tokens_matter(weights: Path) -> None:
    backend, batch = pytorch(weights), texts(1, 12)
    plain = backend.predict(batch)["logits"]
    other = {**batch, "token_type_ids": 1 - batch["token_type_ids"]}
    turned = {**batch, "input_ids": np.ascontiguousarray(batch["input_ids"][:, ::-1])}
    assert np.abs(backend.predict(other)["logits"] - plain).max() > 1e-3
    assert np.abs(backend.predict(turned)["logits"][:, ::-1] - plain).max() > 1e-3


@pytest.mark.parametrize(("batch", "length"), [(1, 5), (3, 21), (2, 384), (1, 512)])
def test_the_exported_file_takes_any_batch_and_length_and_agrees(
    weights: Path, exported: Path, batch: int, length: int
) -> None:
    backend = OnnxRuntimeBackend()
    backend.load(Artifact(exported, "onnx", TEXTS, SCORES), 1)
    fed = padded(texts(batch, length - 2), length)
    own = pytorch(weights).predict(fed)["logits"]
    assert np.abs(backend.predict(fed)["logits"] - own).max() < 1e-4


def test_the_exported_file_computes_no_shapes_inside_its_layers(exported: Path) -> None:
    operators = [node.op_type for node in onnx.load(exported).graph.node]
    assert operators.count("Shape") == 2
    assert operators.count("Gelu") == SHAPES["bert-tiny"].layers
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    assert [node.shape for node in session.get_inputs()] == [["batch", "length"]] * 3


def test_inputs_may_be_declared_in_any_order(weights: Path) -> None:
    batch = texts(1, 9)
    turned = pytorch(weights, TEXTS[::-1]).predict(batch)["logits"]
    assert np.array_equal(turned, pytorch(weights).predict(batch)["logits"])


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (TEXTS[:2], SCORES, "takes input_ids, attention_mask, token_type_ids; the manifest has"),
        (
            (*TEXTS[:2], TensorInfo("token_type_ids", "float32", (ANY_SIZE,))),
            SCORES,
            "'token_type_ids' is float32",
        ),
        (TEXTS, (TensorInfo("logits", "float32", (2,)),), "not float32 scores for each token"),
        (TEXTS, (*SCORES, *SCORES), "has one output"),
    ],
)
def test_declared_tensors_that_are_not_a_texts_are_refused(
    weights: Path,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    message: str,
) -> None:
    artifact = Artifact(weights, "state-dict", inputs, outputs, architecture="bert-tiny")
    with pytest.raises(InputError, match=message):
        PyTorchBackend().load(artifact, 1)


def test_a_checkpoints_pooler_is_passed_over_and_anything_else_is_not(
    weights: Path, tmp_path: Path
) -> None:
    state = torch.load(weights, weights_only=True)
    more = {
        "bert.pooler.dense.weight": torch.zeros(2, 2),
        "bert.embeddings.position_ids": torch.zeros(1, 512),
    }
    path = tmp_path / "more.pth"
    torch.save({**state, **more}, path)
    batch = texts(1, 8)
    expected = pytorch(weights).predict(batch)["logits"]
    assert np.array_equal(pytorch(path).predict(batch)["logits"], expected)
    torch.save({**state, "classifier.weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match=r"unexpected classifier\.weight"):
        pytorch(path)


def test_seeded_weights_give_scores_that_differ_by_token(weights: Path) -> None:
    scores = pytorch(weights).predict(texts(2, 30))["logits"]
    assert np.isfinite(scores).all()
    assert scores.std(axis=1).min() > 0.05


@pytest.mark.parametrize(
    ("name", "millions"),
    # The papers' figures, without pooler: BERT 110 and 340, Turc et al. 4.4 and 11.3.
    [("bert-tiny", 4.4), ("bert-mini", 11.2), ("bert-minilm-l6", 22.6), ("bert-base", 108.9)],
)
def test_networks_have_the_published_sizes(name: str, millions: float) -> None:
    with torch.device("meta"):
        network = build_architecture(name, 2, 384)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.1)


def test_a_text_longer_than_the_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 512 tokens, not 513"):
        build_architecture("bert-tiny", 2, 513)


def test_a_classifier_of_texts_agrees_in_both_and_masks_what_is_no_text(tmp_path: Path) -> None:
    path, scores = tmp_path / "texts.pth", (TensorInfo("logits", "float32", (2,)),)
    write_seeded("bert-tiny-texts", 2, 128, 7, path)
    export_onnx("bert-tiny-texts", 2, 128, path, NAMES, ["logits"], path.with_suffix(".onnx"))
    own, other = PyTorchBackend(), OnnxRuntimeBackend()
    own.load(Artifact(path, "state-dict", TEXTS, scores, architecture="bert-tiny-texts"), 1)
    other.load(Artifact(path.with_suffix(".onnx"), "onnx", TEXTS, scores), 1)
    batch = texts(3, 19)
    found = own.predict(batch)["logits"]
    assert found.shape == (3, 2) and np.ptp(found[:, 0]) > 1e-3
    assert np.abs(other.predict(padded(batch, 30))["logits"] - found).max() < 1e-4
    with pytest.raises(InputError, match="not float32 scores of the text"):
        artifact = Artifact(path, "state-dict", TEXTS, SCORES, architecture="bert-tiny-texts")
        PyTorchBackend().load(artifact, 1)
