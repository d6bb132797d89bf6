"""Sentences under LoadGen, from a model's file alone to what is recorded."""

import json
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROWS = [("a good film", 1), ("a bad film", 0), ("", 0), ("GOOD café ☕", 1), ("good bad bad", 1)]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film", "cafe"]


def write_model(path):
    """Class 1 has a point for each 'good', class 0 for each 'bad' and half of one for [CLS]."""
    table = np.zeros((len(VOCABULARY), 2), np.float32)
    table[5, 1] = table[6, 0] = 1
    table[2, 0] = 0.5
    arrays: dict[str, np.ndarray[Any, Any]] = {"table": table, "axis": np.array([1])}
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["points"]),
            helper.make_node("ReduceSum", ["points", "axis"], ["scores"], keepdims=0),
        ],
        "points",
        [value("input_ids", TensorProto.INT64, ["N", "L"])],
        [value("scores", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def test_sentences_are_classified_and_scored_from_the_log(tmp_path, monkeypatch, loadscope):
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "points.onnx")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    (tmp_path / "how.yaml").write_text(
        "tokenizer: wordpiece-uncased\nvocabulary: file:vocab.txt\nwindow: 16\n"
    )
    lines = "".join(f"{text}\t{label}\n" for text, label in ROWS)
    (tmp_path / "dev.tsv").write_text(f"sentence\tlabel\n{lines}", encoding="utf-8")
    done = loadscope(
        "run", "--model", "points.onnx", "--preprocess", "how.yaml", "--dataset-path", "dev.tsv",
        "--mode", "performance", "--mode", "accuracy", "--scenario", "Offline", "--min-duration",
        "100ms", "--output", "out", "--json",
    )  # fmt: skip
    assert "text-classification of 2 classes" in done.stderr
    score = json.loads(done.stdout)["accuracy"]
    # The last one is taken for 0: 4 of 5 are right, and 2 of the 3 of class 1.
    assert (score["metric"], score["value"]) == ("accuracy", 80.0)
    assert score["details"]["f1"] == pytest.approx(80.0)
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == score
