import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.registry import task
from loadscope.errors import InputError
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch import dataset_folder, dataset_in_cache, fetch_dataset
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue

Change = Callable[[dict[str, Any]], object]

TEXTS = {
    name: {"dtype": "int64", "shape": [-1]}
    for name in ("input_ids", "attention_mask", "token_type_ids")
}
MODEL: dict[str, Any] = {
    "title": "A reader",
    "task": "question-answering",
    "licence": "Apache-2.0",
    "mlperf": {
        "submission": ["bert-99"],
        "loadgen": "bert",
        "compliance": "bert",
        "rules": "BERT-large",
        "division": "open",
    },
    "dataset": "squad",
    "classes": 2,
    "accuracy": {"metric": "f1"},
    "preprocess": {
        "tokenizer": "wordpiece-uncased",
        "vocabulary": "file:words/vocab.txt",
        "sha256": "0" * 64,
    },
    "postprocess": {"kind": "spans", "outputs": ["logits"]},
    "artifacts": {
        "pytorch": {
            "source": "build:merged-state-dict",
            "base": "file:model.safetensors",
            "base_sha256": "1" * 64,
            "delta": "minilm_squad_delta",
            "format": "state-dict",
            "architecture": "bert-minilm-l6",
            "inputs": TEXTS,
            "outputs": {"logits": {"dtype": "float32", "shape": [-1, 2]}},
        }
    },
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Change], Catalogue]:
    def read(change: Change = lambda model: None) -> Catalogue:
        model = copy.deepcopy(MODEL)
        change(model)
        path = tmp_path / "models.yaml"
        path.write_text(yaml.safe_dump({"schema": 1, "models": {"reader": model}}))
        return Catalogue.load([path])

    return read


def artifact(model: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = model["artifacts"]["pytorch"]
    return found


def test_a_reader_is_read_with_sources_relative_to_its_manifest(
    load: Callable[..., Catalogue], tmp_path: Path
) -> None:
    entry = load().get("reader")
    assert isinstance(entry.preprocess, WordPieceSpec)
    assert entry.preprocess.vocabulary == f"file:{tmp_path}/words/vocab.txt"
    assert (entry.preprocess.window, entry.preprocess.stride) == (384, 128)
    assert entry.artifacts["pytorch"].base == f"file:{tmp_path}/model.safetensors"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m["preprocess"].update(strid=9),
            r"models\.reader\.preprocess\.strid",
        ),
        (lambda m: m["preprocess"].update(window=512), "window is 512, not 68 to 384"),
        (lambda m: m["preprocess"].update(vocabulary="vocab.txt"), "expected https:, "),
        (lambda m: m["preprocess"].update(file="/vocab.txt"), "file is for the suite"),
        (lambda m: m["preprocess"].update(sha256="0"), "sha256 is not 64"),
        (lambda m: m.update(task="image-classification"), "unknown key 'models.reader.preprocess"),
        (lambda m: m.update(classes=1000), "a token has 2 scores"),
        (
            lambda m: m.update(postprocess={"kind": "argmax", "output": "logits"}),
            "models.reader.postprocess.kind: expected 'spans', got \"argmax\"",
        ),
        (lambda m: m["postprocess"].update(outputs=["scores"]), "reads 'scores', which is not"),
        (lambda m: m["postprocess"].update(outputs=[]), "one for starts and one for ends"),
        (
            lambda m: artifact(m)["outputs"]["logits"].update(shape=[-1]),
            r"outputs.logits: shape must be \[-1, 2\]",
        ),
        (
            lambda m: artifact(m)["inputs"]["input_ids"].update(shape=[384]),
            r"inputs: must all have the shape \[-1\] or \[384\]",
        ),
        (lambda m: artifact(m)["inputs"]["input_ids"].update(shape=[-2]), "input_ids.shape"),
        (lambda m: artifact(m).pop("delta"), "build:merged-state-dict needs the key 'delta'"),
        (lambda m: artifact(m).pop("base_sha256"), "needs the key 'base_sha256'"),
        (lambda m: artifact(m).update(base="build:onnx"), "base is fetched, not built"),
        (lambda m: artifact(m).update(seed=1), "alone take the key 'seed'"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused_with_the_place(
    load: Callable[..., Catalogue], change: Change, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(change)
    assert "models.yaml line " in caught.value.message
    assert "<" not in caught.value.message


def test_a_vocabulary_is_located_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n")
    spec = WordPieceSpec(
        tokenizer="wordpiece-uncased",
        vocabulary=f"file:{path}",
        sha256="9acaec2346bac4ead7e83d0be8def2a16ff1b78a5de9b6cb4a9ba1f8cf7b5d5c",
    )
    with pytest.raises(InputError, match=r"vocab\.txt: expected sha256 9acaec.* of the manifest"):
        locate(task("question-answering"), spec, tmp_path, lambda *_: None)
    path.unlink()
    with pytest.raises(InputError, match=r"cannot read .*vocab\.txt"):
        locate(task("question-answering"), spec, tmp_path, lambda *_: None)


def test_settings_without_a_vocabulary_are_given_back_as_they_are(tmp_path: Path) -> None:
    preprocess = Catalogue.load().get("resnet50").preprocess
    assert locate(task("image-classification"), preprocess, tmp_path, lambda *_: None) is preprocess


def test_the_shipped_set_needs_no_fetching(tmp_path: Path) -> None:
    assert dataset_in_cache("squad-sample", tmp_path)
    folder = fetch_dataset("squad-sample", tmp_path, lambda *_: None)
    assert folder == dataset_folder("squad-sample", tmp_path)
    assert (folder / "dev-v1.1.json").is_file()
    assert not list(tmp_path.iterdir())


def test_the_official_set_is_to_be_had_by_hand(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be fetched: CC BY-SA 4\.0") as caught:
        fetch_dataset("squad", tmp_path, lambda *_: None)
    assert "dev-v1.1.json" in caught.value.fix


def test_every_reader_in_the_manifest_is_a_bert_benchmark() -> None:
    readers = {
        name: entry
        for name, entry in Catalogue.load().models.items()
        if entry.task == "question-answering"
    }
    assert set(readers) == {
        "minilm-squad",
        "bert-tiny",
        "bert-mini",
        "bert-base",
        "bert-large",
        "bert-large-seeded",
    }
    for entry in readers.values():
        assert entry.loadgen_model == "bert"
    names = readers["bert-large"].mlperf
    assert names is not None and names.division == "closed"


def test_the_rounds_bert_has_the_official_figures() -> None:
    bert = load_round().benchmarks["bert"]
    assert bert.dataset_size == bert.performance_sample_count == 10833
    assert load_round().min_query_count("bert", "Offline") == 10833
    assert load_round().server_target_latency_ms("bert") == 130
    # 90.874 x 0.99 and x 0.999.
    assert bert.accuracy_targets == {"bert-99": 89.96526, "bert-99.9": 90.783126}
