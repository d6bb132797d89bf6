"""The cache of recordings and the library over it."""

import json
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.audio.wave_cache import CLIPS, WAVES
from loadscope.datasets.audio.wave_cache_build import prepare_waves
from loadscope.datasets.audio.wave_library import WaveFeed, WaveLibrary
from loadscope.datasets.speech_recognition.clips import Clips
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

WAVE = TensorInfo("input_values", "float32", (-1,))
MASK = TensorInfo("attention_mask", "int64", (-1,))


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def prepared(tmp_path: Path, spec, folder: str = "data") -> Path:
    dataset = Clips.read(tmp_path / folder, None, "wer")
    return prepare_waves(dataset, spec, tmp_path / "cache", silent)


@pytest.fixture
def three(make_wave):
    """Clips of 3, 5 and 2 samples."""
    for name, levels in {"a": [1, 2, 3], "b": [10, 20, 30, 40, 50], "c": [-7, 7]}.items():
        make_wave(f"data/{name}.wav", levels)


@pytest.mark.usefixtures("three")
def test_a_batch_is_as_long_as_its_longest(tmp_path, spec):
    library = WaveLibrary(prepared(tmp_path, spec), spec, [WAVE, MASK])
    library.load([0, 1, 2])
    batch = library.batch([2, 0])
    assert (batch["input_values"] * 32768).tolist() == [[-7, 7, 0], [1, 2, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["attention_mask"].dtype == np.int64
    alone = library.batch([1])
    assert (alone["input_values"] * 32768).tolist() == [[10, 20, 30, 40, 50]]
    assert library.order([0, 1, 2]) == [1, 0, 2]


@pytest.mark.usefixtures("three")
def test_what_does_not_fit_in_memory_is_read_for_each_batch(tmp_path, spec):
    folder = prepared(tmp_path, spec)
    full = WaveLibrary(folder, spec, [WAVE, MASK])
    # The first clip has three samples of two bytes; no other fits beside it.
    scarce = WaveLibrary(folder, spec, [WAVE, MASK], most_bytes=8)
    for library in (full, scarce):
        library.load([0, 1, 2])
    assert [row is None for row in scarce._rows.values()] == [False, True, True]
    for indices in ([0], [2], [2, 1, 0]):
        one, other = full.batch(indices), scarce.batch(indices)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    scarce.unload([0, 1])
    scarce.load([2, 0])
    assert scarce._rows[0] is not None and scarce._rows[2] is None


def test_other_widths_are_kept_as_floats(tmp_path, spec, make_wave):
    make_wave("data/a.wav", [1, -(2**23)], width=3)
    folder = prepared(tmp_path, spec)
    assert json.loads((folder / "header.json").read_text())["stored"]["dtype"] == "<f4"
    library = WaveLibrary(folder, spec, [WAVE])
    library.load([0])
    assert library.batch([0])["input_values"].tolist() == [[2.0**-23, -1]]


@pytest.mark.usefixtures("three")
def test_a_fixed_length_is_filled_up_or_refused(tmp_path, spec):
    folder = prepared(tmp_path, spec)
    library = WaveLibrary(folder, spec, [TensorInfo("x", "float32", (6,))])
    library.load([0])
    assert library.batch([0])["x"].shape == (1, 6)
    with pytest.raises(InputError, match="sample 1 has 5 samples, more than the 4"):
        WaveLibrary(folder, spec, [TensorInfo("x", "float32", (4,))])


@pytest.mark.parametrize(
    "inputs",
    [
        [MASK],
        [WAVE, WAVE],
        [WAVE, MASK, MASK],
        [TensorInfo("x", "float32", (-1, 80))],
        [WAVE, TensorInfo("mask", "int64", (6,))],
        [WAVE, TensorInfo("text", "float64", (-1,))],
    ],
)
def test_inputs_of_something_else_are_refused(inputs):
    with pytest.raises(InputError, match="expected"):
        WaveFeed.of(inputs)


@pytest.mark.usefixtures("three")
def test_samples_must_be_loaded(tmp_path, spec):
    library = WaveLibrary(prepared(tmp_path, spec), spec, [WAVE])
    with pytest.raises(WorkError, match="sample 1 was asked for but is not loaded"):
        library.batch([1])
    library.load([1, 1])
    library.unload([1, 2])
    with pytest.raises(WorkError, match="not loaded"):
        library.batch([1])
    with pytest.raises(WorkError, match="no sample 3 among 3"):
        library.load([3])
    with pytest.raises(WorkError, match="a batch of no samples"):
        library.batch([])


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("file", [WAVES, CLIPS])
def test_a_damaged_cache_is_told_and_made_again(tmp_path, spec, file):
    folder = prepared(tmp_path, spec)
    before = (folder / file).read_bytes()
    (folder / file).write_bytes(bytes([before[0] ^ 1]) + before[1:])

    def use() -> None:
        WaveLibrary(folder, spec, [WAVE]).load([0, 1, 2])

    with pytest.raises(WorkError, match="corrupt"):
        use()
    if file == CLIPS:
        assert prepared(tmp_path, spec) == folder
        use()
        assert (folder / file).read_bytes() == before


@pytest.mark.usefixtures("three")
def test_a_finished_cache_is_used_again(tmp_path, spec):
    folder = prepared(tmp_path, spec)
    stamp = (folder / WAVES).stat().st_mtime_ns
    assert prepared(tmp_path, spec) == folder
    assert (folder / WAVES).stat().st_mtime_ns == stamp


def test_a_recording_that_is_too_long_is_told_before_any_is_decoded(tmp_path, spec, make_wave):
    make_wave("data/a.wav", [1, 2])
    make_wave("data/b.wav", np.zeros(33_000))
    with pytest.raises(InputError, match=r"b\.wav lasts 2\.1 s, longer than the 2 s"):
        prepared(tmp_path, spec)
    assert not (tmp_path / "cache" / "samples").exists()


@pytest.mark.usefixtures("three")
def test_a_recording_that_changes_meanwhile_is_told(tmp_path, spec, make_wave):
    dataset = Clips.read(tmp_path / "data", None, "wer")
    dataset.digests()
    make_wave("data/c.wav", [9, 9])
    with pytest.raises(InputError, match="has changed since its checksum was taken"):
        prepare_waves(dataset, spec, tmp_path / "cache", silent)
