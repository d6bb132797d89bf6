"""Tests that import ONNX Runtime GenAI; ``test_frameworks.py`` runs them where it is installed."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from tests.sut.genai_folder import BEGIN, END, genai_folder, of_genai, of_onnxruntime

import loadscope as ls
from loadscope.datasets.generation import Generation
from loadscope.errors import InputError, WorkError
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.scenarios.tokens.own import OwnBatch, OwnSteps
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Steps
from loadscope.sut.effective import require_in_force
from loadscope.sut.genai.backend import GenaiBackend
from loadscope.sut.genai.info import INFO
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend

TABLE = resources.files("loadscope.datasets") / "language_generation/bulletins-generated"
ROWS = list(map(json.loads, (TABLE / "bulletins.jsonl").read_text("utf-8").splitlines()))
PROMPTS = [[BEGIN, *row["text"].encode()] for row in ROWS]
ANSWERS = [[*row["reference"].encode(), END] for row in ROWS]
GENERATION = Generation((END,), 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genai_folder(tmp_path_factory.mktemp("genai") / "bulletins")


@pytest.fixture
def backend(folder: Path) -> GenaiBackend:
    opened = GenaiBackend()
    opened.load(of_genai(folder).of_decoder(), 1)
    return opened


def sequences(limits: list[int]) -> list[Sequence]:
    return [Sequence(0, at, np.array(PROMPTS[at]), limit) for at, limit in enumerate(limits)]


def answered(batch: OwnBatch | RunningBatch, waiting: list[Sequence]) -> list[list[int]]:
    """Answer all, each as soon as it fits; first tokens are told once, and at once."""
    given, told = list(waiting), []
    while waiting or batch.sequences:
        joining: list[Sequence] = []
        while waiting and batch.fits(waiting[0], joining):
            joining.append(waiting.pop(0))
        if joining:
            batch.join(joining)
            told += [(one.index, len(one.tokens)) for one in batch.begun]
        if batch.sequences:
            batch.step()
            told += [(one.index, len(one.tokens)) for one in batch.begun]
    assert sorted(told) == [(one.index, 1) for one in given]
    return [one.tokens for one in given]


@pytest.mark.parametrize("size", [1, 3, 9])
def test_tokens_are_those_of_the_suites_own_loop(folder, backend, size):
    limits = [64, 5, 64, 12, 2, *[64] * 6]
    artifact = of_onnxruntime(folder)
    runtime = OnnxRuntimeBackend()
    runtime.load(artifact.of_decoder(), 1)
    # Its file counts tokens, and so takes no filling on the left: one at a time.
    own = RunningBatch(Steps(artifact, runtime.predict), GENERATION, 1)
    wanted = answered(own, sequences(limits))
    assert wanted == [one[:limit] for one, limit in zip(ANSWERS, limits, strict=False)]
    steps = OwnSteps(of_genai(folder), backend)
    assert answered(steps.running(GENERATION, size, 0), sequences(limits)) == wanted


def test_a_prompt_that_ends_at_once_has_an_answer_of_two_tokens(folder, backend):
    whole = Sequence(0, 0, np.array([*PROMPTS[0], *ANSWERS[0][:-1]]), 8)
    (tokens,) = answered(OwnSteps(of_genai(folder), backend).running(GENERATION, 2, 0), [whole])
    assert len(tokens) > 1 and END not in tokens[:1]


def test_scores_of_a_prompt_are_those_of_onnx_runtime(folder, backend):
    tokens = np.array([PROMPTS[0], PROMPTS[0][::-1]])
    artifact = of_onnxruntime(folder)
    runtime = OnnxRuntimeBackend()
    runtime.load(artifact.of_decoder(), 1)
    stepped = Steps(artifact, runtime.predict).first(list(tokens), {})
    found = backend.predict({"input_ids": tokens})["logits"]
    assert found.shape == (2, 1, 260) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], stepped.logits, atol=1e-4)


def test_what_is_in_force_is_told(backend):
    require_in_force(INFO, 1, {}, backend.effective())
    assert backend.effective().settings == {"device": "cpu"}
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.effective()


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_a_folder_is_enough_for_loadgen(folder, tmp_path, scenario):
    run = ls.run(
        model=str(folder), dataset="bulletins-generated", scenario=scenario,
        preprocess=str(folder / "prompts.yaml"), mode=["performance", "accuracy"],
        min_duration="300ms", threads=1, output=tmp_path / "out", layout_seconds=0,
        target_qps=50 if scenario == "Server" else None,
    )  # fmt: skip
    assert run.framework == "genai"
    (log,) = (tmp_path / "out").rglob("accuracy/mlperf_log_accuracy.json")
    found = {one.index: one for one in read_accuracy_log(log)}
    assert [np.frombuffer(found[at].payload, "<i4").tolist() for at in range(64)] == ANSWERS
    (path,) = (tmp_path / "out").rglob("result.json")
    result = json.loads(path.read_text("utf-8"))
    assert result["accuracy"]["value"] == 100 and result["tokens"]["per_second"] > 0
    if scenario == "Server":
        first, further = (result["tokens"][name]["50"] for name in ("ttft_ns", "tpot_ns"))
        assert 0 < first < result["latency_ns"]["p50"] and further > 0


def test_other_ends_than_the_folders_are_refused(backend):
    with pytest.raises(InputError, match=r"by the tokens \[257\], and the manifest has \[9\]"):
        backend.generator((9,), 1)


def test_a_decoder_that_its_batches_cannot_take_is_named(tmp_path):
    path = genai_folder(tmp_path / "last", every_token=False)
    backend = GenaiBackend()
    backend.load(of_genai(path).of_decoder(), 1)
    batch = OwnSteps(of_genai(path), backend).running(GENERATION, 1, 0)
    batch.join(sequences([8]))
    with pytest.raises(WorkError, match=r"gave an answer up, .*logits") as refused:
        batch.step()
    assert "scores every token of a prompt" in refused.value.fix


def test_a_prompt_beyond_the_folders_context_is_refused(folder, backend):
    batch = OwnSteps(of_genai(folder), backend).running(GENERATION, 1, 0)
    with pytest.raises(InputError, match="takes no prompt of 300 tokens"):
        batch.join([Sequence(0, 0, np.full(300, 65), 8)])


def test_a_file_that_is_no_model_is_refused(folder, tmp_path):
    (tmp_path / "genai_config.json").write_text((folder / "genai_config.json").read_text())
    (tmp_path / "model.onnx").write_bytes(b"?")
    with pytest.raises(InputError, match="ONNX Runtime GenAI cannot load it: "):
        GenaiBackend().load(of_genai(tmp_path).of_decoder(), 1)
