"""Golden files of models that answer token by token."""

import json

import numpy as np
import pytest
from tests.suite.run.sums import entry, sum_folder, write

from loadscope.suite.golden.compare import compare
from loadscope.suite.golden.file import read_golden, write_golden
from loadscope.suite.golden.observation import observe, prepare_observation
from loadscope.suite.golden.thresholds import Threshold


def silent(*_: object) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def resolved(tmp_path, monkeypatch):
    """A decoder whose next token is a sum, three prompts of unlike length."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    folder = sum_folder(tmp_path)
    rows = [{"text": text, "reference": "c", "most_new_tokens": 4} for text in ("a", "bb", "abc")]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    write(folder, entry(folder))
    settings = {
        "model": "sum", "models": [str(folder / "models.yaml")], "framework": "onnxruntime",
        "dataset_path": str(folder / "rows.jsonl"),
    }  # fmt: skip
    return prepare_observation(settings, silent)


def test_a_decoder_is_held_to_the_scores_of_each_token(resolved, tmp_path):
    seen = observe(resolved, silent, trusted=True)
    assert len(seen.samples) == 3
    for sample in seen.samples:
        tokens = np.frombuffer(sample.payload, "<i4")
        names = [f"logits.{step}" for step in range(len(sample.outputs))]
        assert list(sample.outputs) == names and len(names) >= 2
        # The payload is the likeliest token of each step.
        assert [int(sample.outputs[name].argmax()) for name in names] == tokens.tolist()
    path = tmp_path / "g.npz"
    write_golden(path, seen)
    golden, allowed = read_golden(path), Threshold(1e-4, 1.0)
    again = compare(observe(resolved, silent, trusted=False), golden, allowed)
    assert again.passed and again.max_rel_diff == 0 and again.top1_agreement == 1
    # Another token at one step, or an answer of another length, is another answer.
    seen.samples[1].outputs["logits.1"][0, 0] += 9
    other = compare(seen, golden, allowed)
    assert not other.passed and other.top1_agreement == pytest.approx(2 / 3)
    seen.samples[2].outputs.pop("logits.0")
    assert not compare(seen, golden, allowed).passed
    assert compare(seen, golden, allowed).max_rel_diff == float("inf")
