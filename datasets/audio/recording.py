"""What is known of a recording from its header, and its samples as one channel of float32.

WAV of whole numbers is read by the standard library; everything else by soundfile (libsndfile),
which the extra ``speech`` brings.
"""

import sys
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
"""What a recording's name ends in."""
_INSTALL = "pip install 'loadscope[speech]'"
_RESTORE = "restore it from the data set's archive"


class Header(NamedTuple):
    """What a recording says of itself.

    Attributes:
        frames: Samples a channel.
        rate: Samples a second.
        channels: How many there are.
        bits: Of a sample as it is stored; 0 where it is no whole number.
    """

    frames: int
    rate: int
    channels: int
    bits: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate

    def exact(self, rate: int) -> bool:
        """Whether 16 bits hold its samples at a rate exactly."""
        return self.channels == 1 and self.rate == rate and 0 < self.bits <= 16


def is_recording(name: str) -> bool:
    """Whether a file is a recording by its name."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def read_header(path: Path) -> Header:
    """Read a recording's header alone.

    Raises:
        InputError: It cannot be read, is empty, or nothing here decodes it.
    """
    header = _wave_header(path) or _sound_header(path)
    if header.frames < 1 or header.rate < 1:
        raise InputError(f"{path} is empty: it has no sample", _RESTORE)
    return header


def require_length(path: Path, header: Header, longest: float) -> None:
    """Check that a recording is not longer than a model takes.

    Args:
        path: The file.
        header: Its own.
        longest: Seconds.

    Raises:
        InputError: It is longer.
    """
    if header.seconds > longest:
        raise InputError(
            f"{path} lasts {header.seconds:.1f} s, longer than the {longest:g} s that the model "
            "takes",
            "cut it into utterances, or raise preprocess.longest in the model's manifest",
        )


def read_recording(path: Path, rate: int) -> NDArray[np.float32]:
    """A recording as one channel at a rate: ``(samples,)`` float32, -1 to 1.

    Several channels are averaged. Another rate is converted by ``scipy.signal.resample_poly``,
    whose filter is a Kaiser window of beta 5.

    Raises:
        InputError: It does not decode, or what decodes or converts it is not installed.
    """
    header = _wave_header(path)
    found, given = (_wave_samples(path), header.rate) if header else _sound_samples(path)
    mono = found[:, 0] if found.shape[1] == 1 else found.mean(axis=1, dtype=np.float32)
    if not mono.size:
        raise InputError(f"{path} is empty: it has no sample", _RESTORE)
    if not np.isfinite(mono).all():
        raise InputError(f"{path} has samples that are no numbers", _RESTORE)
    return np.ascontiguousarray(mono if given == rate else _converted(path, mono, given, rate))


def _wave_header(path: Path) -> Header | None:
    """The header of a WAV file of whole numbers; None where it is something else."""
    try:
        # A file that says nothing, or says it in another form, is for libsndfile.
        with suppress(wave.Error, EOFError), wave.open(str(path)) as opened:
            return Header(
                opened.getnframes(),
                opened.getframerate(),
                opened.getnchannels(),
                8 * opened.getsampwidth(),
            )
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", _RESTORE) from error
    return None


def _wave_samples(path: Path) -> NDArray[np.float32]:
    """The samples of a WAV file of whole numbers: ``(frames, channels)``."""
    try:
        with wave.open(str(path)) as opened:
            frames, channels = opened.getnframes(), opened.getnchannels()
            width, content = opened.getsampwidth(), opened.readframes(frames)
    except (OSError, EOFError, wave.Error) as error:
        raise InputError(f"{path} does not decode: {error}", _RESTORE) from error
    if len(content) != frames * channels * width:
        raise InputError(
            f"{path}: expected {frames * channels * width} bytes of samples, got {len(content)}",
            _RESTORE,
        )
    if sys.byteorder == "big":
        # The module has put samples in this machine's order; back to the file's.
        content = np.frombuffer(content, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
    if width == 1:  # WAV's 8 bits alone are without a sign.
        levels = (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        # Into the upper three bytes of four, where the sign is in its place.
        wide = np.zeros((frames * channels, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        levels = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        levels = np.frombuffer(content, f"<i{width}") / 2.0 ** (8 * width - 1)
    return levels.astype(np.float32).reshape(frames, channels)


def _soundfile(path: Path) -> Any:
    try:
        import soundfile
    except (ImportError, OSError):
        # OSError: the module is there and libsndfile is not.
        raise InputError(
            f"{path}: expected a WAV file of whole numbers; anything else needs soundfile, which "
            "is not installed",
            _INSTALL,
        ) from None
    return soundfile


def _sound_header(path: Path) -> Header:
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: it has no byte", _RESTORE)
    soundfile = _soundfile(path)
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise _undecodable(path, error) from error
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
    return Header(info.frames, info.samplerate, info.channels, bits.get(info.subtype, 0))


def _sound_samples(path: Path) -> tuple[NDArray[np.float32], int]:
    soundfile = _soundfile(path)
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise _undecodable(path, error) from error
    return samples, rate


def _undecodable(path: Path, error: Exception) -> InputError:
    said = str(error).rpartition(": ")[2].strip() or type(error).__name__
    return InputError(
        f"{path} does not decode: {said}", "give WAV or FLAC, such as sox or ffmpeg make of it"
    )


def _converted(
    path: Path, samples: NDArray[np.float32], given: int, wanted: int
) -> NDArray[np.float32]:
    try:
        from scipy.signal import resample_poly
    except ImportError:
        raise InputError(
            f"{path} has {given} samples a second, expected {wanted}; scipy, which converts them, "
            "is not installed",
            f"{_INSTALL}, or convert it",
        ) from None
    converted: NDArray[np.float32] = resample_poly(samples, wanted, given).astype(np.float32)
    return converted
