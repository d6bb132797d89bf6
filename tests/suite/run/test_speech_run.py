"""Recordings under LoadGen, answered token by token, from WAV files to a word error rate."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

PIECES = [
    b"<unk>",
    b"<s>",
    b"</s>",
    "\u2581good".encode(),
    "\u2581day".encode(),
    b"s",
    "\u2581no".encode(),
]
# What follows each piece in a loud and in a soft recording: 'good days' and 'no'.
LOUD, SOFT = {1: 3, 3: 4, 4: 5, 5: 2}, {1: 6, 6: 2}
WHOLE, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def save(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], arrays: dict[str, Any]
) -> None:
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def write_encoder(path: Path) -> None:
    """The greatest amplitude where there is sound, as one state: ``(batch, 1, 1)``."""
    node, value = helper.make_node, helper.make_tensor_value_info
    save(
        path,
        [
            node("Cast", ["attention_mask"], ["mask"], to=FLOAT),
            node("Abs", ["input_values"], ["loud"]),
            node("Mul", ["loud", "mask"], ["heard"]),
            node("ReduceMax", ["heard"], ["most"], axes=[1], keepdims=1),
            node("Unsqueeze", ["most", "one"], ["states"]),
        ],
        [value("input_values", FLOAT, ["N", "S"]), value("attention_mask", WHOLE, ["N", "S"])],
        [value("states", FLOAT, ["N", 1, 1])],
        {"one": np.array([1])},
    )


def write_decoder(path: Path) -> None:
    """The next piece by a table for the last one, of the loud or of the soft kind."""
    tables = np.zeros((2, len(PIECES), len(PIECES)), np.float32)
    for table, chain in zip(tables, (SOFT, LOUD), strict=True):
        for before, after in chain.items():
            table[before, after] = 1
    node, value = helper.make_node, helper.make_tensor_value_info
    save(
        path,
        [
            node("Gather", ["soft", "input_ids"], ["from_soft"]),
            node("Gather", ["loud", "input_ids"], ["from_loud"]),
            node("Greater", ["states", "half"], ["is_loud"]),
            node("Where", ["is_loud", "from_loud", "from_soft"], ["logits"]),
            node("Cast", ["input_ids"], ["floats"], to=FLOAT),
            node("Unsqueeze", ["floats", "axes"], ["keys"]),
            node("Concat", ["past.0.key", "keys"], ["present.0.key"], axis=2),
        ],
        [
            value("input_ids", WHOLE, ["N", "T"]),
            value("states", FLOAT, ["N", 1, 1]),
            value("past.0.key", FLOAT, ["N", 1, "P", 1]),
        ],
        [
            value("logits", FLOAT, ["N", "T", len(PIECES)]),
            value("present.0.key", FLOAT, ["N", 1, "Q", 1]),
        ],
        {
            "soft": tables[0],
            "loud": tables[1],
            "half": np.array(0.5, np.float32),
            "axes": np.array([1, 3]),
        },
    )


def entry(folder: Path) -> dict[str, Any]:
    whole = {"dtype": "int64", "shape": [-1]}
    state = {"dtype": "float32", "shape": [1, 1]}
    return {
        "title": "Loud or soft",
        "task": "speech-recognition",
        "licence": "CC0-1.0",
        "preprocess": {"vocabulary": f"file:{folder / 'pieces.bin'}", "longest": 2},
        "postprocess": {"kind": "tokens", "start": [1], "end": [2], "most_new": 9},
        "artifacts": {
            "onnxruntime": {
                "source": f"file:{folder / 'decoder.onnx'}",
                "format": "onnx",
                "inputs": {"input_ids": whole, "states": state},
                "outputs": {"logits": {"dtype": "float32", "shape": [-1, len(PIECES)]}},
                "decoder": {
                    "layers": 1,
                    "states": [
                        {"past": "past.*.key", "present": "present.*.key", "shape": [1, -1, 1]}
                    ],
                    "encoder": {
                        "file": "encoder.onnx",
                        "inputs": {
                            "input_values": {"dtype": "float32", "shape": [-1]},
                            "attention_mask": whole,
                        },
                        "outputs": {"states": state},
                        "feeds": {"states": "states"},
                    },
                },
            }
        },
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A model, and four recordings of unlike length with their transcripts."""
    folder = tmp_path_factory.mktemp("speech")
    write_encoder(folder / "encoder.onnx")
    write_decoder(folder / "decoder.onnx")
    (folder / "pieces.bin").write_bytes(b"".join(bytes([len(one)]) + one for one in PIECES))
    models = {"schema": 1, "models": {"loud-or-soft": entry(folder)}}
    (folder / "models.yaml").write_text(yaml.safe_dump(models))
    data = folder / "data"
    data.mkdir()
    # One word of seven is wrong: the soft one of 'no way' has no 'way'.
    said = [(30000, "Good days."), (900, "no"), (28000, "good days"), (50, "no way")]
    rows = ["path\ttext"]
    for number, (level, text) in enumerate(said):
        with wave.open(str(data / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            tone = level * np.sin(np.arange(4000 * (1 + number)) / 9)
            # The machine's own order: `wave` turns it into that of the file.
            file.writeframes(tone.astype(np.int16).tobytes())
        rows.append(f"{number}.wav\t{text}")
    (data / "list.tsv").write_text("\n".join(rows) + "\n")
    return folder


def test_recordings_are_answered_and_scored_from_the_log(here, loadscope):
    done = loadscope(
        "run", "--models", "models.yaml", "--model", "loud-or-soft", "--framework", "onnxruntime",
        "--dataset-path", "data", "--mode", "accuracy", "--mode", "performance", "--scenario",
        "Offline", "--min-duration", "100ms", "--output", "out", "--json", cwd=here,
    )  # fmt: skip
    ran = json.loads(done.stdout)
    assert ran["samples_per_second"] > 0
    score = ran["accuracy"]
    assert (score["metric"], score["samples"]) == ("wer", 4)
    assert score["value"] == pytest.approx(100 / 7)
    counts = {key: score["details"][key] for key in ("words", "replaced", "left out", "put in")}
    assert counts == {"words": 7, "replaced": 0, "left out": 1, "put in": 0}
    again = json.loads(loadscope("accuracy", "out", "--json", cwd=here).stdout)
    assert again == score


def test_a_recording_by_hand_is_heard(here, loadscope):
    done = loadscope(
        "predict", "--models", "models.yaml", "--model", "loud-or-soft", "--framework",
        "onnxruntime", "--audio", "data/2.wav", "--repeat", "1", "--json", cwd=here,
    )  # fmt: skip
    (part,) = json.loads(done.stdout)["parts"]
    assert (part["kind"], part["text"], part["seconds"]) == ("waveform", "good days", 0.75)


def test_a_recording_that_is_too_long_is_told_before_a_run(here, loadscope, tmp_path):
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 33_000))
    done = loadscope(
        "run", "--models", str(here / "models.yaml"), "--model", "loud-or-soft", "--framework",
        "onnxruntime", "--dataset-path", str(tmp_path), "--scenario", "Offline", "--mode",
        "performance", "--min-duration", "100ms", "--output", str(tmp_path / "out"), status=2,
    )  # fmt: skip
    assert "long.wav lasts 2.1 s, longer than the 2 s that the model takes" in done.stderr
    assert not (tmp_path / "out" / "performance").exists()
