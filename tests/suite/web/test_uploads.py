"""Recordings and arrays that visitors send, honest and not."""

import io
import struct
import wave
import zipfile

import numpy as np
import pytest
import soundfile
from starlette.exceptions import HTTPException

from loadscope.datasets.playing import Ask
from loadscope.suite.web.uploads import ACCEPTED, TOLD, keep_file
from loadscope.suite.web.uploads.arrays import MOST_BYTES
from loadscope.suite.web.uploads.recordings import MOST_SECONDS

AUDIO, ARRAYS = Ask("audio", "Recording", "audio"), Ask("volume", "Volume", "arrays")


def wav(samples=800, rate=16_000, channels=1, bytes_each=2, claims=None):
    """A recording of silence; ``claims`` is the length that its header says instead, in bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((channels, bytes_each, rate, 0, "NONE", ""))
        sound.writeframes(bytes(samples * channels * bytes_each))
    found = out.getvalue()
    return found if claims is None else found[:40] + struct.pack("<I", claims) + found[44:]


def flac(samples=800):
    out = io.BytesIO()
    soundfile.write(out, np.zeros(samples, np.float32), 16_000, format="FLAC")
    return out.getvalue()


def long_flac():
    """A FLAC file whose header claims 4,194 seconds."""
    found = bytearray(flac())
    found[22:26] = b"\x04\x00\x00\x00"
    return bytes(found)


@pytest.mark.parametrize(
    ("content", "name"),
    [(wav(), "audio.wav"), (wav(channels=2, rate=44_100, bytes_each=3), "audio.wav"),
     (flac(), "audio.flac"), (wav(samples=0), "audio.wav")],
    ids=["wav", "stereo", "flac", "empty"],
)  # fmt: skip
def test_a_recording_is_kept_as_it_came(tmp_path, content, name):
    path = keep_file(AUDIO, content, tmp_path)
    assert path == tmp_path / name and path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"ID3\x03" + bytes(100), 415, "expected a WAV or FLAC file"),
        (b"RIFF\x24\x00\x00\x00AVI " + bytes(100), 415, "expected a WAV or FLAC file"),
        (b"RIFF\x24\x00\x00\x00WAVE", 422, "tells no length"),
        (b"fLaC", 422, "tells no length"),
        (wav(rate=100, samples=100 * 3600), 422, f"3,600 s long, at most {MOST_SECONDS:g} s"),
        (long_flac(), 422, "4,194 s long"),
        (wav(rate=400_000), 422, "400,000 Hz"),
        (wav(channels=64), 422, "64 channels"),
        (wav(claims=16_000), 422, "a wrong one"),
        (flac(16_000)[:-40], 422, "cannot be decoded"),
    ],
    ids=["mp3", "avi", "cut", "cut-flac", "hour", "long-flac", "rate", "channels", "lie",
         "damaged"],
)  # fmt: skip
def test_a_recording_that_is_none_or_lies_is_refused(tmp_path, content, status, says):
    with pytest.raises(HTTPException, match=says) as caught:
        keep_file(AUDIO, content, tmp_path)
    assert caught.value.status_code == status


def npz(**arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def zipped(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def terabyte():
    """A member of a few bytes whose header claims a terabyte."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f8", "fortran_order": False, "shape": (1 << 37,)}
    )
    return zipped("x.npy", out.getvalue() + bytes(64))


def test_arrays_are_kept_as_they_came(tmp_path):
    content = npz(image=np.zeros((4, 4), np.float32))
    path = keep_file(ARRAYS, content, tmp_path)
    assert path == tmp_path / "volume.npz" and path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"PK\x03\x04", 415, "expected an .npz"),
        (b"", 415, "expected an .npz"),
        (zipped("evil.txt", "x"), 415, "expected an .npz"),
        (npz(x=np.array([{"a": 1}], object)), 422, "cannot be decoded"),
        (npz(**{f"a{n}": np.zeros(1) for n in range(65)}), 422, "there are 65 arrays"),
        (terabyte(), 422, "cannot be decoded"),
    ],
    ids=["cut", "empty", "text", "pickle", "many", "terabyte"],
)
def test_arrays_that_are_none_or_lie_are_refused(tmp_path, content, status, says):
    with pytest.raises(HTTPException, match=says) as caught:
        keep_file(ARRAYS, content, tmp_path)
    assert caught.value.status_code == status
    assert set(ACCEPTED) == set(TOLD) == {"image", "audio", "arrays"}


def test_a_small_file_of_arrays_that_unpacks_to_more_than_is_taken_is_refused(tmp_path):
    with pytest.raises(HTTPException, match="bytes are taken") as caught:
        keep_file(ARRAYS, zipped("x.npy", bytes(MOST_BYTES + 1)), tmp_path)
    assert caught.value.status_code == 422
