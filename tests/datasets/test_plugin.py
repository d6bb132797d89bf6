"""A task of another package: nothing of the project names it, and everything works with it."""

import json
import os
import subprocess
import tomllib
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from tests.command import CommandProcess

from loadscope.datasets.registry import TASKS, task, task_names
from loadscope.datasets.task import DataSample
from loadscope.errors import InputError
from loadscope.suite.models.manifest import read_manifest

PLUGIN = Path(__file__).parent / "plugin"
WORDS, FRAME, FRAMES = 4, 64, 16
SAID = [[1, 2, 3, 4], [2, 1], [4, 4, 1], [3], [1, 3, 2], [2, 2, 2]]
# Of 16 words that are said the transcripts have 6, the first of each clip.
HEARD_TOO_MUCH = 100 * (sum(map(len, SAID)) - len(SAID)) / len(SAID)

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def tone(word: int) -> np.ndarray[Any, Any]:
    levels: np.ndarray[Any, Any] = np.sin(2 * np.pi * 4 * word * np.arange(FRAME) / FRAME)
    return levels


def write_clips(folder: Path, transcripts: Sequence[Sequence[int]]) -> Path:
    folder.mkdir()
    lines = []
    for number, (said, written) in enumerate(zip(SAID, transcripts, strict=True)):
        frames = [part for word in said for part in (tone(word), np.zeros(FRAME))]
        with wave.open(str(folder / f"{number}.wav"), "wb") as clip:
            clip.setnchannels(1)
            clip.setsampwidth(2)
            clip.setframerate(8000)
            clip.writeframes((np.concatenate(frames) * 2**14).astype("<i2").tobytes())
        lines.append(" ".join(map(str, [f"{number}.wav", *written])))
    (folder / "transcripts.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_model(path: Path) -> None:
    """The energy of each word's tone in each frame, beside a little for silence."""
    bank = np.stack([tone(word) for word in range(1, WORDS + 1)], axis=1).astype(np.float32)
    widen = np.eye(WORDS, WORDS + 1, 1, dtype=np.float32)
    silence = np.zeros(WORDS + 1, np.float32)
    silence[0] = 1
    constants = {
        "frames": np.array([-1, FRAMES, FRAME], np.int64), "bank": bank, "widen": widen,
        "silence": silence,
    }  # fmt: skip
    nodes = [
        helper.make_node("Reshape", ["wave", "frames"], ["framed"]),
        helper.make_node("MatMul", ["framed", "bank"], ["found"]),
        helper.make_node("Mul", ["found", "found"], ["energy"]),
        helper.make_node("MatMul", ["energy", "widen"], ["wide"]),
        helper.make_node("Add", ["wide", "silence"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tones",
        [helper.make_tensor_value_info("wave", TensorProto.FLOAT, ["N", FRAMES * FRAME])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", FRAMES, WORDS + 1])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def model_entry(**changes: Any) -> dict[str, Any]:
    names = {"submission": ["own"], "loadgen": "own", "compliance": "own", "rules": "own"}
    return {
        "title": "Tones",
        "task": "spoken-words",
        "licence": "CC0-1.0",
        "mlperf": {**names, "division": "open"},
        "dataset": "spoken-tones",
        "classes": WORDS + 1,
        "accuracy": {"metric": "WER", "published": 130.0},
        "preprocess": {"length": FRAMES * FRAME},
        "postprocess": {"kind": "frames", "output": "scores"},
        "artifacts": {
            "onnxruntime": {
                "source": "file:tones.onnx",
                "format": "onnx",
                "inputs": {"wave": {"dtype": "float32", "shape": [FRAMES * FRAME]}},
                "outputs": {"scores": {"dtype": "float32", "shape": [FRAMES, WORDS + 1]}},
            }
        },
        **changes,
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, clips, and what an installer writes of the package."""
    folder = tmp_path_factory.mktemp("plugin")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    info = folder / "site" / "spoken_words-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spoken-words\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in project["entry-points"].items()
        )
    )
    write_model(folder / "tones.onnx")
    (folder / "tones.yaml").write_text(
        yaml.safe_dump({"schema": 1, "models": {"tones": model_entry()}})
    )
    write_clips(folder / "clips", SAID)
    write_clips(folder / "short", [said[:1] for said in SAID])
    return folder


@pytest.fixture(scope="module")
def loadscope(place: Path, command_process: CommandProcess) -> Command:
    environment = {
        **os.environ,
        "LOADSCOPE_CACHE": str(place / "cache"),
        "PYTHONPATH": os.pathsep.join([str(PLUGIN), str(place / "site")]),
    }

    def run(*arguments: object, status: int = 0) -> "subprocess.CompletedProcess[str]":
        done = command_process.run(*arguments, cwd=place, environment=environment)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


CHOSEN = ("--model", "tones", "--models", "tones.yaml", "--framework", "onnxruntime")


@pytest.fixture(scope="module")
def ran(loadscope: Command) -> dict[str, Any]:
    """A run on clips whose transcripts have fewer words than were said."""
    done = loadscope(
        "run", *CHOSEN, "--scenario", "Offline", "--dataset-path", "short", "--output", "out",
        "--mode", "performance", "--mode", "accuracy", "--min-duration", "100ms", "--json",
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_is_measured_and_scored_beyond_100_percent(ran, place):
    assert ran["samples_per_second"] > 0
    score = ran["accuracy"]
    assert (score["metric"], score["unit"], score["better"]) == ("wer", "%", "lower")
    assert score["value"] == pytest.approx(HEARD_TOO_MUCH)
    assert score["value"] > 100
    assert score["details"] == {"errors": 10, "words": 6}
    line = f"wer={HEARD_TOO_MUCH:.3f}%\n"
    assert (place / "out" / "accuracy" / "accuracy.txt").read_text() == line


def test_its_score_is_taken_from_the_log_again(loadscope, ran):
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == ran["accuracy"]


def test_it_is_reported(loadscope, ran, place):
    shown = loadscope("report", "out", "--output", "out.html").stdout
    assert f"{HEARD_TOO_MUCH:.2f} % wer" in shown
    assert f"{HEARD_TOO_MUCH:.2f} % wer" in (place / "out.html").read_text()


def test_it_is_traced(loadscope):
    done = loadscope(
        "trace", *CHOSEN, "--scenario", "SingleStream", "--dataset-path", "clips", "--output",
        "traced", "--batches", 3, "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["spans"]["made"] > 0
    assert "MatMul" in loadscope("report", "--trace", "traced", "--output", "t.html").stdout


def test_it_is_tuned(loadscope):
    done = loadscope(
        "tune", *CHOSEN, "--scenario", "Offline", "--dataset-path", "clips", "--output", "tuned",
        "--trials", 2, "--trial-duration", "300ms", "--budget", "4s", "--json",
    )  # fmt: skip
    (found,) = json.loads(done.stdout)["scenarios"]
    assert found["rate"] > 0


def test_it_is_validated_against_a_golden_file(loadscope):
    chosen = (*CHOSEN, "--dataset-path", "clips")
    golden = loadscope("golden", *chosen, "--count", 3, "--output", "tones.npz", "--json")
    assert json.loads(golden.stdout)["accuracy"]["value"] == 0
    done = loadscope("validate", *chosen, "--golden", "tones.npz", "--json")
    assert json.loads(done.stdout)["passed"]


def test_it_is_listed(loadscope):
    sets = {one["id"]: one for one in json.loads(loadscope("datasets", "--json").stdout)}
    assert sets["spoken-tones"]["task"] == "spoken-words"
    own = json.loads(
        loadscope("models", "show", "tones", "--models", "tones.yaml", "--json").stdout
    )
    assert (own["task"], own["preprocess"]) == ("spoken-words", {"length": FRAMES * FRAME})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preprocess": {"length": 5}}, "inputs: must be one clip of shape [5]"),
        ({"preprocess": {"lenght": 5}}, "unknown key 'models.tones.preprocess.lenght' (did you"),
        ({"postprocess": {"kind": "argmax", "output": "scores"}}, "expected 'frames', got"),
        ({"classes": 7}, "classes = 7: the output has 5"),
        ({"accuracy": {"metric": "top-1"}}, "known for spoken-words: wer"),
        ({"accuracy": {"metric": "wer", "published": -1}}, "expected at least 0 % of wer"),
        ({"task": "spoken-word"}, "unknown task 'spoken-word'; did you mean 'spoken-words'?"),
    ],
)
def test_it_checks_its_manifest(place, changes, said, monkeypatch):
    for folder in (PLUGIN, place / "site"):
        monkeypatch.syspath_prepend(str(folder))
    path = place / "wrong.yaml"
    path.write_text(yaml.safe_dump({"schema": 1, "models": {"tones": model_entry(**changes)}}))
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert said in str(caught.value)


def test_a_sample_is_shown_with_its_answer(place, monkeypatch):
    for folder in (PLUGIN, place / "site"):
        monkeypatch.syspath_prepend(str(folder))
    kind = task("spoken-words")
    dataset = kind.read(place / "clips", None, WORDS + 1)
    shown = kind.show(DataSample(dataset, 1), np.array([2, 1], "<f4").tobytes())
    assert (shown.sample, shown.answer) == (place / "clips" / "1.wav", "2 1")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module:TASK", "cannot be read: ModuleNotFoundError: No module named"),
        ("json:loads", "expected a Task of that name, got 'function'"),
    ],
)
def test_an_entry_point_that_is_no_task_is_told_by_name(tmp_path, monkeypatch, value, said):
    info = tmp_path / "made-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{TASKS.group}]\nmade = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=rf"task 'made' of made 1\.0 .*{said}"):
        task("made")
    assert "made" in task_names()


def test_two_tasks_of_one_name_are_refused(tmp_path, monkeypatch):
    info = tmp_path / "twin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: twin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{TASKS.group}]\ntwin = a:TASK\n")
    other = tmp_path / "more" / "other-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text(f"[{TASKS.group}]\ntwin = b:TASK\n")
    for folder in (tmp_path, tmp_path / "more"):
        monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(InputError, match=r"two packages declare the task 'twin': .*b:TASK.*a:TASK"):
        task("twin")
