"""Decoding: every width, channels, rates, and what is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.audio.recording import (
    Header,
    read_header,
    read_recording,
    require_length,
)
from loadscope.errors import InputError


@pytest.mark.parametrize(("width", "full"), [(1, 2**7), (2, 2**15), (3, 2**23), (4, 2**31)])
def test_every_width_of_wav_gives_the_same_sound(make_wave, width, full):
    levels = [0, full // 2, -full // 4, full - 1, -full]
    path = make_wave("a.wav", levels, width=width)
    found = read_recording(path, 16000)
    np.testing.assert_allclose(found, [0, 0.5, -0.25, 1 - 1 / full, -1], rtol=0, atol=1e-7)
    assert found.dtype == np.float32
    assert read_header(path) == Header(5, 16000, 1, 8 * width)
    assert read_header(path).exact(16000) == (width <= 2)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_libsndfile_reads_what_the_standard_library_does_not(tmp_path, subtype):
    soundfile = pytest.importorskip("soundfile")
    samples = np.array([0, 0.5, -0.25, -1], np.float32)
    suffix = "wav" if subtype == "FLOAT" else "flac"
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, samples, 16000, subtype=subtype)
    np.testing.assert_array_equal(read_recording(path, 16000), samples)
    assert read_header(path).exact(16000) == (subtype == "PCM_16")


def test_channels_are_averaged(make_wave):
    path = make_wave("a.wav", [[1000, 3000], [-2000, 2000]])
    assert read_recording(path, 16000).tolist() == [2000 / 32768, 0]
    assert not read_header(path).exact(16000)


def test_another_rate_is_converted(make_wave):
    pytest.importorskip("scipy")
    at = np.arange(8000) / 8000
    path = make_wave("a.wav", 16384 * np.sin(2 * np.pi * 440 * at), rate=8000)
    found = read_recording(path, 16000)
    assert found.shape == (16000,)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    # Away from the ends, where the filter sees silence that is not in the sound.
    assert np.abs(found - wanted)[200:-200].max() < 2e-3


def test_another_rate_without_scipy_names_what_to_install(make_wave, monkeypatch):
    path = make_wave("a.wav", [1, 2, 3], rate=8000)
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(InputError, match=r"8000 samples a second, expected 16000") as caught:
        read_recording(path, 16000)
    assert "loadscope[speech]" in caught.value.fix


def test_mp3_without_a_decoder_names_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\x04" + bytes(200))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(InputError, match="needs soundfile, which is not installed") as caught:
        read_header(path)
    assert "loadscope[speech]" in caught.value.fix


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.wav", "a.ogg"])
def test_what_is_no_recording_does_not_decode(tmp_path, name):
    pytest.importorskip("soundfile")
    path = tmp_path / name
    path.write_bytes(b"nothing of the kind, but long enough to be looked at")
    with pytest.raises(InputError, match="does not decode"):
        read_header(path)


def test_empty_recordings_are_refused(make_wave, tmp_path):
    with pytest.raises(InputError, match="is empty: it has no sample"):
        read_header(make_wave("a.wav", []))
    (tmp_path / "b.wav").touch()
    with pytest.raises(InputError, match="is empty: it has no byte"):
        read_header(tmp_path / "b.wav")


def test_a_cut_recording_is_refused(make_wave):
    path = make_wave("a.wav", range(100))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="expected 200 bytes of samples, got 150"):
        read_recording(path, 16000)


def test_an_hour_is_refused_by_its_header():
    with pytest.raises(InputError, match=r"lasts 3600\.0 s, longer than the 30 s"):
        require_length(Path("hour.wav"), Header(3600 * 16000, 16000, 1, 16), 30)


def test_a_missing_recording_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_header(tmp_path / "none.wav")
