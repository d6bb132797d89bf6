"""Tables of sentences: what is read, how it is cut, and what is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.classes.classification import ArgmaxSpec
from loadscope.datasets.declared import DeclaredModel, FileModel
from loadscope.datasets.registry import task
from loadscope.datasets.task import DataSample
from loadscope.datasets.text_classification.sentence_spec import SentenceSpec
from loadscope.datasets.text_classification.sentences import Sentences
from loadscope.datasets.text_classification.text_score import ACCURACY
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

TASK = task("text-classification")
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "cafe", "##s", "film", "."]
IDS = TensorInfo("input_ids", "int64", (-1,))


@pytest.fixture
def spec(tmp_path: Path) -> SentenceSpec:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return SentenceSpec(
        tokenizer="wordpiece-uncased", vocabulary=f"file:{path}", sha256=sha256, window=6,
        file=str(path),
    )  # fmt: skip


def table(tmp_path: Path, *rows: str, name: str = "dev.tsv") -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / name).write_text("sentence\tlabel\n" + "".join(f"{row}\n" for row in rows))
    return folder


def read(path: Path, spec: SentenceSpec, limit: int | None = None, form: Any = None) -> Sentences:
    dataset = TASK.read(path, limit, 2, spec, form=form)
    assert isinstance(dataset, Sentences)
    return dataset


def test_sentences_are_cut_into_tokens_with_marks(tmp_path: Path, spec: SentenceSpec) -> None:
    folder = table(
        tmp_path, 'A "good" film .\t1', "\t0", "Cafés ☕\t1", "good good good good good good\t0"
    )
    dataset = read(folder, spec)
    rows = [dataset.sample(index)[0].tolist() for index in range(4)]
    # Quotes are not in the vocabulary, an empty text is its marks, and a long one is cut.
    assert rows == [[2, 4, 1, 5, 1, 3], [2, 3], [2, 6, 7, 1, 3], [2, 5, 5, 5, 5, 3]]
    assert dataset.sample(1)[1] == 2


def test_a_text_given_by_hand_is_answered_with_shares(tmp_path: Path, spec: SentenceSpec) -> None:
    given = {"text": ' A "good"\tfilm,\nand café \N{HOT BEVERAGE} '}
    dataset = read(TASK.one_sample(given, tmp_path), spec)
    assert dataset.texts == [given["text"].strip()]
    outputs = [{"y": np.log(np.array([[0.25, 0.75]], np.float32))}]
    (part,) = TASK.explain(dataset, [np.float32(1).tobytes()], outputs,
                           ArgmaxSpec("argmax", "y"))  # fmt: skip
    assert part.lines() == ["  75.0 %  class 1", "  25.0 %  class 0"]
    (plain,) = TASK.explain(dataset, [np.float32(1).tobytes()], [], ArgmaxSpec("class-index", "y"))
    assert plain.lines() == ["class 1"]


def test_they_are_fed_in_one_segment_and_padded(tmp_path: Path, spec: SentenceSpec) -> None:
    dataset = read(table(tmp_path, "good film\t1", "\t0"), spec)
    prepared = TASK.prepare(dataset, spec, tmp_path / "cache", lambda *_: None)
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [TensorInfo(name, "int64", (-1,)) for name in names]
    library = TASK.library(prepared, spec, inputs, "")
    library.load([0, 1])
    batch = {name: values.tolist() for name, values in library.batch([0, 1]).items()}
    assert batch == {
        "input_ids": [[2, 5, 8, 3], [2, 3, 0, 0]],
        "attention_mask": [[1, 1, 1, 1], [1, 1, 0, 0]],
        "token_type_ids": [[0] * 4] * 2,
    }


def test_glues_folder_is_read_by_its_entry_beside_its_other_tables(
    tmp_path: Path, spec: SentenceSpec
) -> None:
    folder = table(tmp_path, "good\t1")
    (folder / "train.tsv").write_text("sentence\tlabel\na\t0\n")
    dataset = read(folder, spec, form=catalog_entry("sst2").form)
    assert dataset.texts == ["good"]
    with pytest.raises(InputError, match="several tables"):
        read(folder, spec)


def test_other_forms_and_names_of_columns(tmp_path: Path, spec: SentenceSpec) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"text": "a film", "label": 1}) + "\n")
    assert read(path, spec).texts == ["a film"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("good\t2", r"dev\.tsv:3: label 2 is outside 0\.\.1"),
        ("good\t-1", r"dev\.tsv:3: label -1 is outside"),
        ("good\tgood", r"dev\.tsv:3: label 'good' is no whole number"),
        ("good", r"dev\.tsv:3: 1 fields, the first line names 2"),
    ],
)
def test_a_bad_row_is_bad_input(tmp_path: Path, spec: SentenceSpec, row: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(table(tmp_path, "a\t0", row), spec)


def test_what_is_no_data_set_is_bad_input(tmp_path: Path, spec: SentenceSpec) -> None:
    with pytest.raises(InputError, match="no table found"):
        read(tmp_path / "none", spec)
    with pytest.raises(InputError, match=r"a limit of 3 samples does not fit .* which has 1"):
        read(table(tmp_path, "a\t0"), spec, limit=3)
    null = tmp_path / "null.jsonl"
    null.write_text('{"text": null, "label": 0}\n')
    with pytest.raises(InputError, match=r"null\.jsonl:1: text is None, no text"):
        read(null, spec)
    test = tmp_path / "test.tsv"
    test.write_text("index\tsentence\n0\ta\n")
    with pytest.raises(InputError, match="no column label for the label"):
        read(test, spec)


def test_a_digest_has_texts_labels_and_settings(tmp_path: Path, spec: SentenceSpec) -> None:
    digests = set()
    for number, row in enumerate(("a\t0", "a\t1", "good\t1")):
        path = tmp_path / f"{number}.tsv"
        path.write_text(f"sentence\tlabel\n{row}\n")
        digests.add(read(path, spec).digest())
    assert len(digests) == 3


def test_a_sentence_is_shown_with_its_class(tmp_path: Path, spec: SentenceSpec) -> None:
    sample = DataSample(read(table(tmp_path, "good film\t1"), spec), 0)
    shown = TASK.show(sample, np.array([1], "<f4").tobytes())
    assert (shown.sample, shown.answer) == ("good film", "class 1")
    with pytest.raises(WorkError, match="sample 0 is answered with 3 bytes"):
        TASK.show(sample, b"123")


def test_a_file_is_of_the_task_by_its_row_of_scores(spec: SentenceSpec) -> None:
    scores = TensorInfo("logits", "float32", (2,))
    given = {"tokenizer": "wordpiece-uncased", "vocabulary": "file:v"}
    draft = TASK.infer(FileModel([IDS], [scores]), given)
    assert draft is not None and draft.postprocess == {"kind": "argmax", "output": "logits"}
    with pytest.raises(InputError, match="needs its vocabulary"):
        TASK.infer(FileModel([IDS], [scores]), None)
    image = TensorInfo("x", "float32", (3, 8, 8))
    assert TASK.infer(FileModel([image], [scores]), None) is None
    spans = TensorInfo("logits", "float32", (-1, 2))
    assert TASK.infer(FileModel([IDS], [spans]), given) is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, None),
        ({"classes": 3}, "outputs.logits"),
        ({"classes": 0}, "classes"),
        ({"inputs": [TensorInfo("input_ids", "int64", (9,))]}, "inputs"),
        ({"postprocess": ArgmaxSpec("argmax", "scores")}, "outputs"),
    ],
)
def test_an_entry_that_does_not_fit_is_told(
    spec: SentenceSpec, changes: dict[str, Any], place: str | None
) -> None:
    given: dict[str, Any] = {
        "classes": 2,
        "layout": "",
        "inputs": [IDS],
        "outputs": [TensorInfo("logits", "float32", (2,))],
        "preprocess": spec,
        "postprocess": ArgmaxSpec("argmax", "logits"),
        "metric": ACCURACY,
    }
    found = [one.place for one in TASK.check(DeclaredModel(**{**given, **changes}))]
    assert found == ([place] if place else [])
