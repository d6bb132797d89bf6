"""Texts to token ids and back: bytes, or a file of the library ``tokenizers``."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from loadscope.datasets.language_generation.prompt_spec import PromptSpec
from loadscope.errors import InputError

_BYTES = 256


class TextTokenizer(Protocol):
    """Cuts texts, and puts them together again."""

    version: str
    """Of the library that cuts, for the key of the cache."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without special ones."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones; what is no UTF-8 becomes U+FFFD."""


class ByteTokenizer:
    """A token a byte of UTF-8; ids from 256 on are special."""

    version = "bytes"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``TextTokenizer``."""
        return [list(text.encode("utf-8", "surrogatepass")) for text in texts]

    def decode(self, tokens: Sequence[int]) -> str:
        """See ``TextTokenizer``."""
        return bytes(one for one in tokens if 0 <= one < _BYTES).decode("utf-8", "replace")


class JsonTokenizer:
    """A ``tokenizer.json``.

    Args:
        spec: Its ``file`` is the tokenizer's.

    Raises:
        InputError: The library is not installed, or the file is unusable or another one.
    """

    def __init__(self, spec: PromptSpec) -> None:
        try:
            import tokenizers
        except ImportError as error:
            raise InputError(
                f"tokenizer-json needs the package tokenizers: {error}",
                "pip install 'loadscope[language]'",
            ) from error
        path = Path(spec.file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the tokenizer {path}: {error.strerror}") from error
        found = hashlib.sha256(content).hexdigest()
        if spec.sha256 and found != spec.sha256:
            raise InputError(
                f"the tokenizer {path}: expected sha256 {spec.sha256}, got {found}",
                "fetch the model again with --verify",
            )
        try:
            self._tokenizer = tokenizers.Tokenizer.from_buffer(content)
        # The library raises Exception itself.
        except Exception as error:
            raise InputError(
                f"{path}: not a tokenizer: {error}", "name a tokenizer.json under vocabulary"
            ) from error
        self.version = f"tokenizers {tokenizers.__version__}"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``TextTokenizer``."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [list(one.ids) for one in found]

    def decode(self, tokens: Sequence[int]) -> str:
        """See ``TextTokenizer``."""
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text


def open_tokenizer(spec: PromptSpec) -> TextTokenizer:
    """The tokenizer of a spec.

    Raises:
        InputError: It cannot be used.
    """
    return ByteTokenizer() if spec.tokenizer == "bytes" else JsonTokenizer(spec)
