"""A model folder of ONNX Runtime GenAI, read without it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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


_Id = Annotated[int, Field(ge=0)]
_Length = Annotated[int, Field(ge=2)]
"""A token of the prompt and one of the answer."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Inputs(_Part):
    input_ids: str = "input_ids"


class _Outputs(_Part):
    logits: str = "logits"


class _Decoder(_Part):
    filename: str
    inputs: _Inputs = _Inputs()
    outputs: _Outputs = _Outputs()


class _Model(_Part):
    context_length: _Length
    vocab_size: Annotated[int, Field(ge=1)]
    eos_token_id: _Id | Annotated[list[_Id], Field(min_length=1)]
    bos_token_id: _Id | list[_Id] | None = None
    decoder: _Decoder


class _Search(_Part):
    max_length: _Length | None = None


class _Config(_Part):
    model: _Model
    search: _Search = _Search()


def folder_of(path: Path) -> Folder:
    """Read a folder's ``genai_config.json``.

    Raises:
        InputError: It is missing or malformed, or the model takes more than a prompt.
    """
    config = path / CONFIG
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {config}: {error.strerror}", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{config}: not JSON: {error}", _AGAIN) from error
    if not isinstance(found, dict):
        raise InputError(f"{config}: expected an object", _AGAIN)
    parts = found.get("model")
    if isinstance(parts, dict) and (more := [part for part in _MORE if part in parts]):
        raise InputError(
            f"{config}: the model has the part '{more[0]}' beside its decoder",
            "give a decoder of texts; other models run file by file, by a manifest",
        )
    try:
        said = _Config.model_validate(found)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"{config}: {where}: {fault['msg'].lower()}", _AGAIN) from error
    model, tokenizer = said.model, path / "tokenizer.json"
    return Folder(
        path / model.decoder.filename,
        model.decoder.inputs.input_ids,
        model.decoder.outputs.logits,
        model.vocab_size,
        Decoding(
            _ids(model.eos_token_id),
            _ids(model.bos_token_id),
            min(model.context_length, said.search.max_length or model.context_length),
            str(tokenizer) if tokenizer.is_file() else "",
        ),
    )


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
    return tuple(value) if isinstance(value, list) else (value,)
