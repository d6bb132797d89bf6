"""Prompts with a reference answer each, as a data set: CNN/DailyMail's JSON, or a table."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.rows import read_rows
from loadscope.datasets.language_generation.prompt_spec import PromptSpec
from loadscope.datasets.language_generation.rouge import ROUGE, score_answers
from loadscope.datasets.language_generation.tokenizer import open_tokenizer
from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.errors import InputError

_PARTS = {
    "text": ("text", "input", "article", "prompt"),
    "reference": ("reference", "output", "summary", "highlights"),
}
_MOST = "most_new_tokens"
_LEAST = 2  # tokens of an answer, as LoadGen wants


class Prompts:
    """A ``Dataset``: prompts in tokens, and what is expected of the answers.

    Attributes:
        path: The file.
        sha256: Of its contents.
        spec: How texts are cut.
        texts: Of each sample, after the limit; empty where it came as tokens alone.
        references: The reference answer of each.
        most: The most new tokens that a sample's row asks for; 0 where it says nothing.
        answer_form: The most tokens of each answer, where rows say so.
        unscored: Empty: every row has a reference.
        tokenizer_version: Of what cuts texts.
    """

    unscored = ""

    def __init__(
        self,
        path: Path,
        rows: list[dict[str, Any]],
        limit: int | None,
        spec: PromptSpec,
        metric: str,
    ) -> None:
        self.path = path
        self.sha256 = _sha256(path)
        self.spec = spec
        self._full_size = len(rows)
        rows = rows[:limit]
        self.texts: list[str] = [row["text"] for row in rows]
        self.references: list[str] = [row["reference"] for row in rows]
        self.most: list[int] = [row[_MOST] for row in rows]
        self.answer_form = AnswerForm(most_tokens=tuple(self.most) if any(self.most) else ())
        self._metric = ROUGE[metric]
        self._tokenizer = open_tokenizer(spec)
        self.tokenizer_version = self._tokenizer.version
        cut = [at for at, row in enumerate(rows) if row["tokens"] is None]
        encoded = self._tokenizer.encode([spec.prompt(rows[at]["text"]) for at in cut])
        self._tokens: list[list[int]] = [row["tokens"] for row in rows]
        for at, tokens in zip(cut, encoded, strict=True):
            self._tokens[at] = [*spec.begin, *tokens]
        self._require_lengths([row["where"] for row in rows])

    @classmethod
    def read(
        cls,
        path: Path,
        limit: int | None,
        spec: PromptSpec,
        metric: str = "",
        form: Manifest | None = None,
    ) -> "Prompts":
        """Read and check a data set, and cut its texts.

        Args:
            path: ``cnn_eval.json`` as MLPerf's script writes it (an array of objects with
                ``input``, ``tok_input``, ``output``), a table, or a folder with one of them.
            limit: Take only the first rows.
            spec: How to cut, with the vocabulary in place. Tokens that a row brings are taken
                where the tokenizer is not ``bytes``.
            metric: What it is scored by.
            form: Which table, and which columns.

        Raises:
            InputError: There is no such file, a row lacks text or reference, a prompt is empty or
                longer than the window (the message has the row), the tokenizer is unusable, or the
                limit is below 1 or above the number of rows.
        """
        file, given = _given(path, form)
        rows = [_row(where, row, spec) for where, row in given]
        if limit is not None and not 1 <= limit <= len(rows):
            raise InputError(
                f"a limit of {limit} samples does not fit {file}, which has {len(rows)}",
                f"choose 1 to {len(rows)}",
            )
        return cls(file, rows, limit, spec, metric or next(iter(ROUGE)))

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.references)

    def full_size(self) -> int:
        """How many rows there are without a limit."""
        return self._full_size

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over prompts in tokens, references, bounds and what texts were cut with."""
        rows = [*zip(self._tokens, self.references, self.most, strict=True)]
        text = json.dumps([rows, sorted(self.spec.material().items())])
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, index: int) -> tuple[NDArray[np.int32], int]:
        """The tokens of a prompt, and how many are of the first segment: all."""
        tokens = np.array(self._tokens[index], np.int32)
        return tokens, len(tokens)

    def text_of(self, tokens: Iterable[int]) -> str:
        """The text of an answer's tokens, without special ones."""
        return self._tokenizer.decode(list(tokens))

    def pieces_of(self, tokens: Sequence[int]) -> list[str]:
        """What each token adds to the text: nothing where it ends in the middle of a letter."""
        pieces, told = [], ""
        for count in range(1, len(tokens) + 1):
            text = self.text_of(tokens[:count])
            whole = "" if text.endswith("\N{REPLACEMENT CHARACTER}") else text[len(told) :]
            pieces.append(whole)
            told += whole
        return pieces

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """ROUGE; see ``score_answers``.

        Raises:
            WorkError: A sample is not answered, or with bytes that are no int32 tokens.
        """
        references = self.references
        if among is not None:
            chosen = sorted(set(among))
            answers = selected(answers, chosen)
            references = [references[index] for index in chosen]
        return score_answers(answers, references, self._tokenizer, self._metric, progress)

    def _require_lengths(self, where: list[str]) -> None:
        for place, tokens in zip(where, self._tokens, strict=True):
            if not 1 <= len(tokens) <= self.spec.window:
                raise InputError(
                    f"{place}: the prompt has {len(tokens):,} tokens, expected 1 to "
                    f"{self.spec.window:,}, the window of the model's preprocess",
                    "shorten it or leave it out, or take a model with a longer context",
                )


def first_texts(path: Path, most: int) -> list[str]:
    """The texts of the first rows of a data set that have one.

    Raises:
        InputError: There is no such file, or no row.
    """
    _, given = _given(path, None)
    return [text for _, row in given[:most] if isinstance(text := _text(row), str)]


def _given(path: Path, form: Manifest | None) -> tuple[Path, list[tuple[str, dict[str, Any]]]]:
    """The file of a data set, and its rows with the place of each."""
    file = _json_in(path)
    if file is not None and form is None:
        return file, [(f"{file}: row {at}", row) for at, row in enumerate(_objects(file))]
    form = form or Manifest()
    file = form.table(path)
    return file, [
        (f"{file}:{row.line}", {**own.values, **row.values})
        for row, own in zip(form.read(path, _PARTS), read_rows(file), strict=True)
    ]


def _text(row: dict[str, Any]) -> Any:
    return next((row[name] for name in _PARTS["text"] if row.get(name) is not None), None)


def _row(where: str, row: dict[str, Any], spec: PromptSpec) -> dict[str, Any]:
    """A row's parts, checked: place, text, tokens that it brings, reference, bound."""
    text = _text(row)
    reference = next((row[name] for name in _PARTS["reference"] if row.get(name) is not None), None)
    tokens = row.get("tok_input") if spec.tokenizer != "bytes" else None
    if tokens is not None and not (
        isinstance(tokens, list) and all(type(one) is int and one >= 0 for one in tokens)
    ):
        raise InputError(f"{where}: tok_input is no list of token ids", "correct the row")
    if not isinstance(text, str) and tokens is None:
        raise InputError(f"{where}: no text found", f"give one of: {', '.join(_PARTS['text'])}")
    if not isinstance(reference, str):
        raise InputError(
            f"{where}: no reference answer found",
            f"give one of: {', '.join(_PARTS['reference'])}",
        )
    most = row.get(_MOST) or 0
    try:
        most = int(most)
        if most and most < _LEAST:
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(
            f"{where}: {_MOST} is {row[_MOST]!r}, expected a whole number from {_LEAST} on",
            "correct the row, or leave it out",
        ) from None
    given = text if isinstance(text, str) else ""
    return {"where": where, "text": given, "tokens": tokens, "reference": reference, _MOST: most}


def _json_in(path: Path) -> Path | None:
    """The JSON file of a folder, or the file itself; None where there is none alone."""
    if not path.is_dir():
        return path if path.suffix == ".json" else None
    found = sorted(one for one in path.glob("*.json") if one.name[0] != ".")
    return found[0] if len(found) == 1 else None


def _objects(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}", "get it again") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"{path}: not an array of objects", 'write [{"input": …, "output": …}, …]')
    if not found:
        raise InputError(f"{path} has no row", "write an object for each sample")
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
