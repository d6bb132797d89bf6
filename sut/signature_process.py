"""A model's tensors, read in a process of its own: one framework a process."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from loadscope.decoding import Decoding
from loadscope.errors import InputError, WorkError, describe, described
from loadscope.files import write_json
from loadscope.shapes import Sizes
from loadscope.sut.info import named
from loadscope.sut.registry import backend_info, require_installed
from loadscope.sut.signature import FileTensor, Given, Signature


def read_signature(framework: str, format: str, path: Path, given: Given) -> Signature:
    """The tensors of a model's file, as a framework sees them.

    Args:
        framework: A backend's name.
        format: One of its formats.
        path: The file, or the folder of a format that is one.
        given: What the user says of inputs.

    Raises:
        InputError: The framework is not installed, reads no tensors out of this format, or the
            file is unusable.
        WorkError: The process ended without an answer.
    """
    info = backend_info(framework)
    require_installed(info)
    if not info.signature:
        raise InputError(
            f"{info.title} does not tell the tensors of a file",
            "write a manifest and give it with --models FILE",
        )
    changed = path.stat().st_mtime_ns
    return _read(framework, format, path, changed, json.dumps(given, sort_keys=True))


@functools.lru_cache
def _read(framework: str, format: str, path: Path, changed: int, given: str) -> Signature:
    with tempfile.TemporaryDirectory(prefix="loadscope-") as folder:
        answer = Path(folder) / "signature.json"
        command = [sys.executable, "-m", __name__, framework, format, str(path), given, str(answer)]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if not answer.exists():
            said = ended.stderr.decode(errors="replace").strip().splitlines()
            raise WorkError(
                f"{path}: reading its tensors with {framework} ended with status "
                f"{ended.returncode}: {said[-1][:300] if said else 'nothing said'}",
                "write a manifest and give it with --models FILE, or use another framework",
            )
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "message" in found:
        raise described(found)
    decoding = found["decoding"] and Decoding(
        (*found["decoding"]["end"],),
        (*found["decoding"]["begin"],),
        found["decoding"]["context"],
        found["decoding"]["tokenizer"],
    )
    return Signature(
        _tensors(found["inputs"]), _tensors(found["outputs"]), found["numerics"], decoding
    )


def _tensors(found: list[dict[str, Any]]) -> tuple[FileTensor, ...]:
    return tuple(
        FileTensor(one["name"], one["dtype"], None if one["shape"] is None else (*one["shape"],))
        for one in found
    )


def main(framework: str, format: str, path: str, given: str, answer: str) -> None:
    """Read, and write what was found, or the error, to a file."""
    said: Any
    try:
        sizes = {name: Sizes(tuple(one[0]), one[1]) for name, one in json.loads(given).items()}
        found = named(backend_info(framework).signature)(format, Path(path), sizes)
        said = {side: [vars(one) for one in getattr(found, side)] for side in ("inputs", "outputs")}
        said["numerics"] = found.numerics
        said["decoding"] = found.decoding and vars(found.decoding)
    except Exception as error:
        said = describe(error)
    write_json(Path(answer), said)
    sys.stdout.flush()
    # A framework's threads may wait for ever at the interpreter's end.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
