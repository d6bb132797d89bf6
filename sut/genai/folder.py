"""A model folder of ONNX Runtime GenAI, read without it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.decoding import Decoding
from loadscope.errors import InputError
from loadscope.names import DEFAULT_NUMERICS
from loadscope.sut.onnx_files import ends, node_of
from loadscope.sut.signature import FileTensor, Given, Signature, with_given

CONFIG = "genai_config.json"
_AGAIN = "have the folder made again by GenAI's model builder"
_MORE = ("encoder", "vision", "speech", "embedding")


@dataclass(frozen=True)
class Folder:
    """What a folder's ``genai_config.json`` says.

    Attributes:
        model: The decoder's ONNX file.
        tokens: Its input of token ids.
        logits: Its output of scores.
        vocabulary: How many tokens there are.
        decoding: What begins, ends and bounds an answer.
    """

    model: Path
    tokens: str
    logits: str
    vocabulary: int
    decoding: Decoding


def folder_of(path: Path) -> Folder:
    """Read a folder's ``genai_config.json``.

    Raises:
        InputError: It is missing or malformed, or the model takes more than a prompt.
    """
    config = path / CONFIG
    try:
        found: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {config}: {error.strerror}", _AGAIN) from error
    except ValueError as error:
        raise InputError(f"{config}: not JSON: {error}", _AGAIN) from error
    try:
        model = found["model"]
        if more := [part for part in _MORE if part in model]:
            raise InputError(
                f"{config}: the model has the part '{more[0]}' beside its decoder",
                "give a decoder of texts; other models run file by file, by a manifest",
            )
        decoder = model["decoder"]
        context = int(model["context_length"])
        return Folder(
            path / decoder["filename"],
            decoder.get("inputs", {}).get("input_ids", "input_ids"),
            decoder.get("outputs", {}).get("logits", "logits"),
            int(model["vocab_size"]),
            Decoding(
                _ids(model["eos_token_id"]),
                _ids(model.get("bos_token_id")),
                min(context, int(found.get("search", {}).get("max_length", context))),
                str(tokenizer) if (tokenizer := path / "tokenizer.json").is_file() else "",
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{config}: missing or malformed key: {type(error).__name__}: {error}",
            _AGAIN,
        ) from error


def read(format: str, path: Path, given: Given) -> Signature:
    """The prompt's and the scores' tensors of a folder; no session is opened.

    Raises:
        InputError: See ``folder_of``; or the decoder's file is missing.
    """
    folder = folder_of(path)
    if not folder.model.is_file():
        raise InputError(f"{folder.model}: not found", f"correct filename in {path / CONFIG}")
    inputs, outputs = ends(folder.model)
    types = {one.name: one.dtype for one in (*inputs, *outputs)}
    tokens = FileTensor(folder.tokens, types.get(folder.tokens) or "int64", (None, None))
    scores = (None, None, folder.vocabulary)
    logits = FileTensor(folder.logits, types.get(folder.logits) or "float32", scores)
    four = node_of(folder.model, "MatMulNBits", "com.microsoft")
    return Signature(
        with_given([tokens], given),
        (logits,),
        "int4" if four else DEFAULT_NUMERICS,
        folder.decoding,
    )


def _ids(value: int | list[int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (int(value),)
