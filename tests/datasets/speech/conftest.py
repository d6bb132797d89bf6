"""Recordings made here: tones, as WAV of any width and number of channels."""

import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.speech_recognition.speech_spec import SpeechPreprocess

Make = Callable[..., Path]


@pytest.fixture
def make_wave(tmp_path: Path) -> Make:
    """Writes ``name`` with integers ``levels`` ``(frames,)`` or ``(frames, channels)``."""

    def make(name: str, levels: object, rate: int = 16000, width: int = 2) -> Path:
        given = np.asarray(levels, np.int64)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1 if given.ndim == 1 else given.shape[1])
            file.setsampwidth(width)
            file.setframerate(rate)
            raw = (given + 128 if width == 1 else given).astype("<i8").reshape(-1, 1)
            low = raw.view(np.uint8).reshape(-1, 8)[:, :width]
            # The module takes samples in the machine's order, and writes the file's.
            file.writeframes((low[:, ::-1] if sys.byteorder == "big" else low).tobytes())
        return path

    return make


@pytest.fixture
def spec(tmp_path: Path) -> SpeechPreprocess:
    """Pieces 0 to 2 are marks, 3 to 258 bytes, then two words and a mark in brackets."""
    pieces = [b"<unk>", b"<s>", b"</s>", *(bytes([byte]) for byte in range(256))]
    pieces += ["\u2581he".encode(), b"llo", b"<<ST_0>>"]
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(b"".join(bytes([len(piece)]) + piece for piece in pieces))
    return SpeechPreprocess(vocabulary=f"file:{path}", longest=2.0, file=str(path))
