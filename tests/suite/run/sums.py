"""A decoder whose answers are sums worked by hand, its data set, and how it is run."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.scenarios.token_models import END, WORDS, answer, sum_decoder

ROWS = [("a", "b", 9), ("bb", "c", 0), ("abcabcabc", "d", 4), ("c", "", 0), ("ab", "x y", 0)]
# Bytes would be beyond the decoder's vocabulary; the library's words are not.
WORDS_OF = {"a": 1, "b": 2, "c": 3}


def entry(folder: Any, **answers: Any) -> dict[str, Any]:
    sum_decoder(folder)
    return {
        "title": "A sum", "task": "language-generation", "licence": "CC0-1.0",
        "dataset": "news-sample", "accuracy": {"metric": "rouge1"},
        "preprocess": {
            "tokenizer": "tokenizer-json", "vocabulary": "file:words.json", "window": 8,
        },
        "postprocess": {"end_tokens": [END], "most_new_tokens": 12, **answers},
        "artifacts": {
            "onnxruntime": {
                "source": "file:sum.onnx", "format": "onnx",
                "inputs": {
                    name: {"dtype": "int64", "shape": [-1]}
                    for name in ("input_ids", "attention_mask")
                },
                "outputs": {"logits": {"dtype": "float32", "shape": [1, WORDS]}},
                "decoder": {
                    "layers": 1, "mask": "attention_mask",
                    "states": [{"past": "past.*", "present": "present.*", "shape": [1, -1, 1]}],
                },
            }
        },
    }  # fmt: skip


def sum_folder(folder: Path) -> Path:
    """The folder with the tokenizer and the rows; skips where tokenizers is not installed."""
    tokenizers = pytest.importorskip("tokenizers")
    names = {**WORDS_OF, **{f"w{one}": one for one in (0, *range(4, WORDS))}}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(names, unk_token="w0"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    made.add_special_tokens([f"w{END}"])
    (folder / "words.json").write_text(made.to_str())
    rows = [
        {"text": text, "reference": reference, "most_new_tokens": most}
        for text, reference, most in ROWS
    ]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def write(folder, model: dict[str, Any]) -> None:
    manifest = {"schema": 1, "models": {"sum": model}}
    (folder / "models.yaml").write_text(yaml.safe_dump(manifest))


def run(loadscope, scenario: str, *more: str, status: int = 0):
    one = () if "--instances" in more else ("--workers", "1")
    return loadscope(
        "run", "--models", "models.yaml", "--model", "sum", "--framework", "onnxruntime",
        "--scenario", scenario, "--dataset-path", "rows.jsonl", "--layout-seconds", "0",
        "--min-duration", "200ms", *one, *more, status=status,
    )  # fmt: skip


def expected() -> dict[int, list[int]]:
    return {
        index: answer([WORDS_OF[one] for one in text], most or 12)
        for index, (text, _, most) in enumerate(ROWS)
    }
