"""Recordings that visitors send: WAV and FLAC."""

import importlib.util
import struct
from pathlib import Path

from starlette.exceptions import HTTPException

from loadscope.suite.web.uploads.child import require_decoded

MOST_SECONDS = 120.0
"""Models of speech hear half a minute at once; an hour would hold the machine up."""
MOST_RATE, MOST_CHANNELS = 192_000, 8
_STREAMINFO = 34
# Both decode all there is: a header can promise more or less than follows.
_WAVE = (
    "import sys, wave; sound = wave.open(sys.argv[1]); count = sound.getnframes(); "
    "size = sound.getsampwidth() * sound.getnchannels(); "
    "sys.exit(len(sound.readframes(count)) != count * size)"
)
_SOUNDFILE = (
    "import sys, soundfile; found, rate = soundfile.read(sys.argv[1], dtype='float32'); "
    "sys.exit(len(found) != soundfile.info(sys.argv[1]).frames)"
)


def keep_recording(content: bytes, stem: Path) -> Path:
    """Write a recording to a file, if it is one.

    Args:
        content: What was sent.
        stem: The file without its suffix, in an existing folder.

    Raises:
        HTTPException: 415 where it is neither WAV nor FLAC, or nothing here decodes it; 422 where
            it is too long or damaged.
    """
    has_soundfile = importlib.util.find_spec("soundfile") is not None
    if content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        suffix, found = ".wav", _wave_header(content)
    elif content.startswith(b"fLaC"):
        suffix, found = ".flac", _flac_header(content)
        if not has_soundfile:
            raise HTTPException(415, "FLAC needs soundfile: pip install 'loadscope[speech]'")
    else:
        raise HTTPException(415, "not a recording: expected a WAV or FLAC file")
    if found is None:
        raise HTTPException(
            422, "the recording is damaged: its header tells no length, or a wrong one"
        )
    rate, channels, samples = found
    if not 0 < rate <= MOST_RATE or not 0 < channels <= MOST_CHANNELS:
        raise HTTPException(
            422,
            f"the recording has {channels} channels of {rate:,} Hz, at most {MOST_CHANNELS} of "
            f"{MOST_RATE:,} Hz are taken",
        )
    if samples > MOST_SECONDS * rate:
        raise HTTPException(
            422,
            f"the recording is {samples / rate:,.0f} s long, at most {MOST_SECONDS:g} s are taken",
        )
    path = stem.with_suffix(suffix)
    path.write_bytes(content)
    require_decoded(path, _SOUNDFILE if has_soundfile else _WAVE, "recording")
    return path


def _wave_header(content: bytes) -> tuple[int, int, int] | None:
    """Rate, channels and samples of a channel, by the chunks 'fmt ' and 'data' (RIFF 1.0)."""
    at = 12
    found: tuple[int, int, int] | None = None
    while at + 8 <= len(content):
        name, size = struct.unpack("<4sI", content[at : at + 8])
        if name == b"fmt " and at + 24 <= len(content):
            channels, rate, _, block = struct.unpack("<HIIH", content[at + 10 : at + 22])
            found = (int(rate), int(channels), int(block))
        elif name == b"data" and found is not None:
            rate, channels, block = found
            whole = block and at + 8 + size <= len(content)
            return (rate, channels, int(size) // block) if whole else None
        # Chunks begin at even places.
        at += 8 + size + size % 2
    return None


def _flac_header(content: bytes) -> tuple[int, int, int] | None:
    """Rate, channels and samples of a channel of the first block (RFC 9639, 8.2).

    A stream of unknown length has none.
    """
    if len(content) < 8 + _STREAMINFO or content[4] & 0x7F:
        return None
    packed = int.from_bytes(content[18:26], "big")
    samples = packed & ((1 << 36) - 1)
    return (packed >> 44, (packed >> 41 & 7) + 1, samples) if samples else None
