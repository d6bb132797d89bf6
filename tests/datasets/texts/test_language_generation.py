"""Prompts and answers: what is read, how it is cut, ROUGE worked out by hand, what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.declared import DeclaredModel, FileModel
from loadscope.datasets.generation import TOKEN_MS
from loadscope.datasets.language_generation import rouge
from loadscope.datasets.language_generation.prompt_spec import AnswerSpec, PromptSpec
from loadscope.datasets.language_generation.prompts import Prompts
from loadscope.datasets.language_generation.sentences import by_rule, splitter
from loadscope.datasets.language_generation.tokenizer import ByteTokenizer
from loadscope.datasets.playing import Tokens
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer, DataSample, Score
from loadscope.decoding import Decoding
from loadscope.errors import InputError, WorkError
from loadscope.submission.rounds import load_round
from loadscope.sut.backend import TensorInfo

TASK = task("language-generation")
SPEC = PromptSpec(tokenizer="bytes", window=40, begin=(256,))
ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def read(path: Path, spec: PromptSpec = SPEC, limit: int | None = None) -> Prompts:
    dataset = TASK.read(path, limit, 0, spec)
    assert isinstance(dataset, Prompts)
    return dataset


def official(tmp_path: Path, *rows: Any) -> Path:
    (tmp_path / "cnn_eval.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path


def tokens(text: str, *more: int) -> bytes:
    return np.array([*text.encode(), *more], "<i4").tobytes()


def scored(references: list[str], *answers: Answer) -> Score:
    return rouge.score_answers(answers, references, ByteTokenizer(), rouge.ROUGE["rouge1"])


def test_the_official_form_and_a_table_are_read_alike(tmp_path: Path) -> None:
    rows = [
        {"instruction": "x", "input": "Café", "tok_input": [1, 2], "output": "A."},
        {"input": "b", "tok_input": [3], "output": "B."},
    ]
    dataset = read(official(tmp_path, *rows))
    # Bytes are cut here; tokens of another tokenizer are not taken.
    assert dataset.sample(0)[0].tolist() == [256, 67, 97, 102, 0xC3, 0xA9]
    assert (len(dataset), dataset.full_size(), dataset.references) == (2, 2, ["A.", "B."])
    assert dataset.answer_form.most_tokens == ()
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "news.tsv").write_text(
        "article\thighlights\tmost_new_tokens\nCafé\tA.\t5\nb\tB.\t\n", encoding="utf-8"
    )
    table = read(folder)
    assert table.sample(0)[0].tolist() == dataset.sample(0)[0].tolist()
    assert table.answer_form.most_tokens == (5, 0)
    assert len(read(tmp_path, limit=1)) == 1


def test_a_tokenizer_of_the_library_cuts_and_spells(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = {"<s>": 0, "a": 1, "good": 2, "day": 3, "?": 4}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.add_special_tokens(["<s>"])
    path = tmp_path / "tokenizer.json"
    path.write_text(made.to_str())
    spec = PromptSpec(
        tokenizer="tokenizer-json", vocabulary=f"file:{path}", file=str(path), begin=(0,),
        template="a {text}",
    )  # fmt: skip
    folder = tmp_path / "data"
    folder.mkdir()
    dataset = read(
        official(
            folder, {"input": "good day", "output": "x"},
            {"input": "good", "tok_input": [0, 3, 3], "output": "y"},
        ),
        spec,
    )  # fmt: skip
    # Tokens that a row brings are the prompt, its template and begin included.
    assert [dataset.sample(at)[0].tolist() for at in (0, 1)] == [[0, 1, 2, 3], [0, 3, 3]]
    assert dataset.text_of([0, 2, 3]) == "good day"
    with pytest.raises(InputError, match="expected sha256"):
        read(folder, PromptSpec(**{**vars(spec), "sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"input": "x" * 40, "output": "y"}],
            r"row 0: the prompt has 41 tokens, expected 1 to 40",
        ),
        ([{"input": "x"}], r"row 0: no reference answer"),
        ([{"output": "x"}], r"row 0: no text"),
        ([{"input": "x", "output": "y", "most_new_tokens": 1}], r"most_new_tokens is 1"),
        ([], r"has no row"),
        ({"input": "x"}, r"not an array of objects"),
    ],
)
def test_what_is_no_prompt_is_refused_with_its_row(tmp_path: Path, rows: Any, said: str) -> None:
    (tmp_path / "cnn_eval.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=said):
        read(tmp_path)


def test_tokens_that_are_none_are_refused(tmp_path: Path) -> None:
    spec = PromptSpec(tokenizer="tokenizer-json", vocabulary="file:t.json", file="t.json")
    with pytest.raises(InputError, match="row 0: tok_input is no list of token ids"):
        read(official(tmp_path, {"tok_input": [1, "x"], "output": "y"}), spec)


def test_rouge_is_what_a_hand_works_out() -> None:
    # Of 4 and 5 words 3 are common, "the cat" is the one common pair of 3 and 4, and the longest
    # common row of words is "the cat sat".
    found = scored(["the cat sat down"], Answer(0, tokens("the cat now sat there", 257)))
    f = 100 * 2 * 3 / (4 + 5)
    assert [found.details[name] for name in ROUGES] == pytest.approx(
        [f, 100 * 2 * 1 / (3 + 4), f, f], abs=5e-5
    )
    assert found.value == found.details["rouge1"]
    # The end token counts as one of the answer, and is no text.
    assert (found.details["gen_len"], found.details["tokens_per_sample"]) == (21, 22.0)


def test_words_are_stemmed_and_sentences_are_taken_apart() -> None:
    # "cats" and "cat" have one stem. Over the whole text the longest common row is one sentence;
    # ROUGE-Lsum takes the union over sentences.
    reference, text = "The cats ran. The dog slept.", "The dog slept. The cat ran."
    found = scored([reference], Answer(0, tokens(text)))
    assert found.details["rouge1"] == found.details["rougeLsum"] == 100.0
    assert found.details["rougeL"] == 50.0


def test_answers_without_words_score_nothing_and_are_counted() -> None:
    found = scored(
        ["a cat", "日本", "a dog"],
        Answer(2, tokens("a dog")), Answer(0, tokens("", 257, 258)),
        # Half of a character, and the other answer of a sample, which does not count.
        Answer(1, tokens("日本")[:-4]), Answer(2, tokens("x")),
    )  # fmt: skip
    assert (found.details["empty"], found.details["rouge1"]) == (1, round(100 / 3, 4))
    assert found.samples == 3


def test_the_line_is_read_by_the_rounds_patterns() -> None:
    found = scored(["a cat sat"], Answer(0, tokens("a cat")))
    patterns = load_round().submission.accuracy_lines
    for name in (*ROUGES, "gen_len"):
        match = re.match(patterns[name], found.line)
        assert match and float(match[1]) == found.details[name]


def test_many_processes_score_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    references = [f"the {n} cats sat. all {n % 7} of them." for n in range(70)]
    answers = [Answer(n, tokens(f"{n % 5} cats sat.")) for n in range(70)]
    alone = scored(references, *answers)
    monkeypatch.setattr(rouge, "_SPREAD", 1)
    seen: list[tuple[str, int, int]] = []
    together = rouge.score_answers(
        answers, references, ByteTokenizer(), rouge.ROUGE["rouge1"],
        lambda what, done, total: seen.append((what, done, total)),
    )  # fmt: skip
    assert together == alone and seen[-1] == ("scoring answers", 70, 70)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "1 of 1 samples are not answered"),
        ([Answer(0, b"")], "answered with 0 bytes"),
        ([Answer(0, b"abc")], "answered with 3 bytes"),
        ([Answer(7, tokens("a"))], "the log answers sample 7; there are 1"),
    ],
)
def test_a_log_of_something_else_is_refused(answers: list[Answer], said: str) -> None:
    with pytest.raises(WorkError, match=said):
        scored(["x"], *answers)


def test_sentences_end_where_a_reader_ends_them() -> None:
    assert by_rule("Mr. Smith paid 3.5 dollars. He left! 12 came (why?) Nobody knew.") == [
        "Mr. Smith paid 3.5 dollars.", "He left!", "12 came (why?)", "Nobody knew.",
    ]  # fmt: skip
    assert by_rule("One\nTwo") == ["One", "Two"] and by_rule("") == []
    assert splitter()[0] in ("rule", "punkt")


def declared(words: int = 260, window: int = 64, **answer: Any) -> DeclaredModel:
    spec = AnswerSpec(**{"end_tokens": (257,), **answer})
    return DeclaredModel(
        words, "", (TensorInfo("input_ids", "int64", (-1,)),),
        (TensorInfo("logits", "float32", (1, words)),),
        PromptSpec(tokenizer="bytes", window=window), spec, None,
    )  # fmt: skip


def test_a_manifest_is_held_against_the_model() -> None:
    assert not list(TASK.check(declared()))
    assert TASK.classes(declared()) == 260
    (outside,) = TASK.check(declared(words=200))
    assert (outside.place, outside.reason.startswith("257 is outside")) == (
        "postprocess.end_tokens", True,
    )  # fmt: skip
    (long,) = TASK.check(declared(context=65))
    assert long.place == "preprocess.window"
    with pytest.raises(ValueError, match="tokens that end an answer"):
        AnswerSpec(end_tokens=())
    with pytest.raises(ValueError, match="at least 2"):
        AnswerSpec(end_tokens=(1,), most_new_tokens=1)
    with pytest.raises(ValueError, match="needs one"):
        PromptSpec(tokenizer="tokenizer-json")


def test_a_folder_that_says_how_it_answers_is_an_entry(tmp_path: Path) -> None:
    tensors = ([TensorInfo("ids", "int64", (-1,))], [TensorInfo("scores", "float32", (-1, 260))])
    said = Decoding((257, 9), (256,), 400, str(tmp_path / "tokenizer.json"))
    draft = TASK.infer(FileModel(*tensors, said), None)
    assert draft is not None and draft.outputs == ["scores"]
    spec = PromptSpec(**draft.preprocess)
    assert spec.vocabulary == f"file:{tmp_path / 'tokenizer.json'}"
    assert (spec.begin, spec.window) == ((256,), 272)
    bounds = AnswerSpec(**draft.postprocess)
    assert (bounds.end_tokens, bounds.most_new_tokens, bounds.context) == ((257, 9), 128, 400)
    # What is said counts, and a short context has room for both.
    bare = FileModel(*tensors, replace(said, tokenizer="", context=40))
    other = TASK.infer(bare, {"tokenizer": "bytes", "begin": [1]})
    assert other is not None and other.postprocess["most_new_tokens"] == 20
    assert other.preprocess == {"tokenizer": "bytes", "begin": [1], "window": 20}
    assert TASK.infer(FileModel(*tensors), None) is None
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        TASK.infer(bare, None)
    with pytest.raises(InputError, match="'unit' is for images"):
        TASK.infer(FileModel(*tensors, said), "unit")


def test_what_ends_and_bounds_an_answer_comes_from_model_and_row() -> None:
    spec = AnswerSpec(end_tokens=(257,), most_new_tokens=9, context=20)
    dataset = read(
        catalog_entry("news-sample").folder / "news-sample", PromptSpec(tokenizer="bytes")
    )
    assert dataset.answer_form.most_tokens == tuple(dataset.most)
    generation = TASK.generation(spec, None, dataset.answer_form)  # type: ignore[arg-type]
    assert generation is not None and generation.end == (257,)
    # The model's own bound, and what its context leaves.
    assert (generation.limit(1, 4), generation.limit(1, 15)) == (9, 5)
    assert min(dataset.most) * 4 == max(dataset.most)


def test_a_sample_is_shown_as_text(tmp_path: Path) -> None:
    dataset = read(official(tmp_path, {"input": "Hallo", "output": "y"}))
    shown = TASK.show(DataSample(dataset, 0), tokens("Guten Tag", 257))
    assert (shown.sample, shown.answer) == ("Hallo", "Guten Tag")
    with pytest.raises(WorkError):
        TASK.show(DataSample(dataset, 0), b"12")


def test_a_prompt_by_hand_is_a_data_set_of_one_and_its_answer_comes_in_pieces(
    tmp_path: Path,
) -> None:
    dataset = read(TASK.one_sample({"text": " Hello? "}, tmp_path))
    assert dataset.texts == ["Hello?"]
    answer, spent = tokens("Né!"), np.array([5.0, 1.0, 2.0, 3.0])
    (part,) = TASK.explain(dataset, [answer], [{TOKEN_MS: spent}], None)
    assert isinstance(part, Tokens)
    # The first byte of a letter of two is no letter yet.
    assert [(row.text, row.ms) for row in part.rows] == [("N", 5), ("", 1), ("é", 2), ("!", 3)]


def test_examples_are_the_first_prompts_of_a_data_set() -> None:
    folder = catalog_entry("bulletins-generated").shipped()
    assert folder is not None
    found = TASK.examples(folder, 2)
    assert list(found) == ["prompt 1", "prompt 2"]
    assert found["prompt 1"]["text"] == read_first(folder)


def read_first(folder: Path) -> str:
    line = (folder / "bulletins.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    return str(json.loads(line)["text"])
