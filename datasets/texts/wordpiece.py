"""BERT's uncased WordPiece, through the ``tokenizers`` library."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.texts.text_spec import TextSpec
from loadscope.errors import InputError

try:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
except ImportError as error:
    raise InputError(
        f"a task on texts needs the package tokenizers: {error}",
        "pip install 'loadscope[squad]'",
    ) from error

TOKENIZERS_VERSION = version("tokenizers")

_CLS, _SEP, _UNKNOWN, _PAD = "[CLS]", "[SEP]", "[UNK]", "[PAD]"


@dataclass(frozen=True)
class Encoded:
    """A text in tokens.

    Attributes:
        ids: The tokens' numbers, int32, shape ``(tokens,)``.
        starts: Where each begins in the text, in characters, int64, same shape.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]


class UncasedWordPiece:
    """Text to tokens in the way of BERT's uncased models.

    Args:
        spec: Its ``file`` is the vocabulary.

    Raises:
        InputError: The vocabulary cannot be read, is not the one that the checksum names, or
            lacks a mark.
    """

    def __init__(self, spec: TextSpec) -> None:
        self._tokens = _read_vocabulary(Path(spec.file), spec.sha256)
        ids = {token: number for number, token in enumerate(self._tokens)}
        missing = [mark for mark in (_CLS, _SEP, _UNKNOWN, _PAD) if mark not in ids]
        if missing or ids[_PAD] != 0:
            raise InputError(
                f"the vocabulary {spec.file} "
                + (f"has no {missing[0]}" if missing else f"has {_PAD} at {ids[_PAD]}, not at 0"),
                "name BERT's uncased vocab.txt in the model's manifest",
            )
        self.cls, self.sep = ids[_CLS], ids[_SEP]
        self._normalise = BertNormalizer(lowercase=True).normalize_str
        self._split = BertPreTokenizer().pre_tokenize_str
        self._tokenizer = Tokenizer(WordPiece(ids, unk_token=_UNKNOWN))
        self._tokenizer.normalizer = BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Cut texts into tokens, in parallel, without marks."""
        return [
            Encoded(
                np.array(found.ids, np.int32),
                np.array([start for start, _ in found.offsets], np.int64),
            )
            for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ]

    def spell(self, ids: Sequence[int]) -> str:
        """Join tokens into words: pieces marked ``##`` follow without a blank."""
        joined = " ".join(self._tokens[number] for number in ids)
        return " ".join(joined.replace(" ##", "").replace("##", "").split())

    def words(self, text: str) -> str:
        """A text in lower case and without accents, a blank between words and punctuation."""
        return " ".join(word for word, _ in self._split(self._normalise(text)))


def _read_vocabulary(path: Path, sha256: str) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the vocabulary {path}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(
            f"the vocabulary {path}: sha256 is {found}, not {sha256}",
            "fetch the model again with --verify",
        )
    try:
        tokens = content.decode("utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise InputError(f"the vocabulary {path} is not UTF-8 text") from None
    return [token.removesuffix("\r") for token in tokens]
