import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.cache.sample_cache import DamagedCacheError
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess, Normaliser
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.registry import task
from loadscope.errors import InputError, WorkError

MakeDataset = Callable[..., Path]
Prepare = Callable[[Path], Path]
RECORD = 224 * 224 * 3
BYTES_LOADED = RECORD * 4


@pytest.fixture
def prepare(tmp_path: Path, preprocess: ImagePreprocess) -> Prepare:
    def run(data: Path) -> Path:
        kind = task("image-classification")
        dataset = kind.read(data, None, 1000)
        return kind.prepare(dataset, preprocess, tmp_path / "cache", lambda *_: None)

    return run


@pytest.fixture
def prepared(make_dataset: MakeDataset, prepare: Prepare) -> Path:
    return prepare(make_dataset(8))


@pytest.fixture
def library(prepared: Path, preprocess: ImagePreprocess) -> ImageLibrary:
    return ImageLibrary(prepared, preprocess, "images", "NCHW")


def expected(
    prepared: Path, preprocess: ImagePreprocess, records: list[int], layout: str = "NCHW"
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    whole = np.fromfile(prepared / "records.bin", np.uint8).reshape(-1, 224, 224, 3)
    normalise = Normaliser(preprocess, layout)
    out = np.empty((len(records), *normalise.shape), np.float32)
    normalise(whole[records], out)
    return out


@pytest.mark.parametrize("most_bytes", [math.inf, 0])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("indices", [[5], [2, 3, 4], [4, 3, 2], [6, 1], [1, 1, 7]])
def test_a_batch_holds_the_normalised_images_in_the_order_asked_for(
    prepared: Path, preprocess: ImagePreprocess, layout: str, indices: list[int], most_bytes: float
) -> None:
    library: SampleLibrary = ImageLibrary(
        prepared, preprocess, "images", layout, most_bytes=most_bytes
    )
    library.load([7, 5, 3, 1, 6, 4, 2, 0])
    batch = library.batch(indices)
    assert list(batch) == ["images"]
    assert batch["images"].dtype == np.float32
    assert batch["images"].flags.c_contiguous
    np.testing.assert_array_equal(batch["images"], expected(prepared, preprocess, indices, layout))


def test_one_sample_or_neighbours_are_views_and_others_are_copies(library: ImageLibrary) -> None:
    library.load(range(8))
    whole = library.batch(range(8))["images"]
    for indices in ([5], [2, 3, 4], [0, 1]):
        assert np.shares_memory(whole, library.batch(indices)["images"])
    for indices in ([4, 3], [1, 3], [2, 2]):
        assert not np.shares_memory(whole, library.batch(indices)["images"])


def test_rounds_through_the_records_need_no_copy_but_where_one_ends(library: ImageLibrary) -> None:
    library.load(range(8))
    whole = library.batch(range(8))["images"]
    asked = np.random.default_rng(3).permutation(np.repeat(range(8), 5)).tolist()
    order = library.in_runs(asked)
    assert sorted(order) == list(range(40))
    assert [asked[at] for at in order] == list(range(8)) * 5
    for at in range(0, 39, 3):
        batch = library.batch([asked[one] for one in order[at : at + 3]])
        assert np.shares_memory(whole, batch["images"]) == (at % 8 <= 5)


def test_a_round_leaves_out_what_is_not_asked_for_so_often(library: ImageLibrary) -> None:
    asked = [6, 2, 2, 7, 2, 6]
    assert [asked[at] for at in library.in_runs(asked)] == [2, 6, 7, 2, 6, 2]
    # Of equals, the one that was asked for first.
    assert library.in_runs(asked) == [1, 0, 3, 2, 5, 4]


@pytest.mark.parametrize("most_bytes", [math.inf, 0])
def test_a_threads_batches_share_a_buffer_and_other_threads_have_their_own(
    prepared: Path, preprocess: ImagePreprocess, most_bytes: float
) -> None:
    library = ImageLibrary(prepared, preprocess, "images", "NCHW", most_bytes=most_bytes)
    library.load(range(8))
    first = library.batch([4, 3, 6])["images"]
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(library.batch, [1, 5, 7]).result()["images"]
    np.testing.assert_array_equal(first, expected(prepared, preprocess, [4, 3, 6]))
    second = library.batch([2, 0])["images"]
    assert np.shares_memory(first, second)
    assert not np.shares_memory(second, other)
    np.testing.assert_array_equal(second, expected(prepared, preprocess, [2, 0]))
    np.testing.assert_array_equal(other, expected(prepared, preprocess, [1, 5, 7]))


def test_more_samples_than_may_be_normalised_are_kept_at_8_bits(
    prepared: Path, preprocess: ImagePreprocess
) -> None:
    library = ImageLibrary(prepared, preprocess, "images", "NCHW", most_bytes=4 * 3 * 224 * 224 * 4)

    def is_normalised() -> bool:
        return np.shares_memory(library.batch([1])["images"], library.batch([1, 2])["images"])

    library.load(range(4))
    assert is_normalised()
    library.unload(range(4))
    library.load(range(5))
    held = library.batch([1])["images"]
    np.testing.assert_array_equal(held, expected(prepared, preprocess, [1]))
    library.batch([4])
    np.testing.assert_array_equal(held, expected(prepared, preprocess, [4]))
    library.unload(range(5))
    library.load([1, 2])
    assert is_normalised()


def test_samples_loaded_together_lie_in_their_own_order_however_they_are_loaded(
    library: ImageLibrary,
) -> None:
    library.load([6, 2, 4])
    assert library.batch([2, 4, 6])["images"].base is library.batch([4])["images"].base


def test_its_length_is_the_number_of_samples(library: ImageLibrary) -> None:
    assert len(library) == 8


@pytest.mark.parametrize("indices", [[3], [0, 3], [-1], [8], [2**40]])
def test_a_batch_of_a_sample_that_is_not_loaded_is_an_error(
    library: ImageLibrary, indices: list[int]
) -> None:
    library.load([0, 7])
    with pytest.raises(WorkError, match=f"sample {indices[-1]} was asked for but is not loaded"):
        library.batch(indices)


def test_an_empty_batch_is_an_error(library: ImageLibrary) -> None:
    with pytest.raises(WorkError, match="no samples"):
        library.batch([])


@pytest.mark.parametrize("index", [-1, 8])
def test_a_sample_that_does_not_exist_cannot_be_loaded(library: ImageLibrary, index: int) -> None:
    with pytest.raises(WorkError, match=f"no sample {index} among 8"):
        library.load([0, index])
    with pytest.raises(WorkError, match="not loaded"):
        library.batch([0])


def test_an_unloaded_sample_is_gone_and_the_others_stay(
    library: ImageLibrary, prepared: Path, preprocess: ImagePreprocess
) -> None:
    library.load(range(4))
    library.unload([1, 2, 6])
    with pytest.raises(WorkError, match="sample 1 was asked for"):
        library.batch([1])
    np.testing.assert_array_equal(
        library.batch([0, 3])["images"], expected(prepared, preprocess, [0, 3])
    )


def test_places_are_used_again_by_the_next_load(
    library: ImageLibrary, prepared: Path, preprocess: ImagePreprocess
) -> None:
    library.load([0, 1, 2, 3])
    before = library.batch([0])["images"].base
    library.unload([0, 1, 2, 3])
    library.load([4, 5, 6])
    batch = library.batch([4, 5, 6])["images"]
    assert batch.base is before
    np.testing.assert_array_equal(batch, expected(prepared, preprocess, [4, 5, 6]))


def test_more_can_be_loaded_beside_what_is_loaded(
    library: ImageLibrary, prepared: Path, preprocess: ImagePreprocess
) -> None:
    library.load([3])
    early = library.batch([3])["images"]
    library.load([0, 1, 3, 5])
    wanted = expected(prepared, preprocess, [3, 0, 5])
    np.testing.assert_array_equal(library.batch([3, 0, 5])["images"], wanted)
    np.testing.assert_array_equal(early[0], wanted[0])


def test_a_sample_loaded_twice_is_gone_after_one_unload(library: ImageLibrary) -> None:
    library.load([2, 2])
    library.load([2])
    library.unload([2])
    with pytest.raises(WorkError, match="not loaded"):
        library.batch([2])


def test_a_batch_of_one_is_kept_no_longer_than_its_sample(
    library: ImageLibrary, prepared: Path, preprocess: ImagePreprocess
) -> None:
    library.load([2, 5])
    kept = library.batch([2])
    assert library.batch([2]) is kept
    library.unload([2])
    with pytest.raises(WorkError, match="sample 2 was asked for"):
        library.batch([2])
    library.load([1, 2, 6])
    base = library.batch([5])["images"].base
    for index in (1, 2, 5, 6):
        image = library.batch([index])["images"]
        assert image.base is base
        np.testing.assert_array_equal(image, expected(prepared, preprocess, [index]))


def test_samples_of_one_record_are_loaded_once_and_dropped_with_the_last(
    make_dataset: MakeDataset, prepare: Prepare, preprocess: ImagePreprocess
) -> None:
    data = make_dataset(2)
    (data / "val" / "again.JPEG").symlink_to("image_0001.JPEG")
    with (data / "val_map.txt").open("a") as label_map:
        label_map.write("again.JPEG 5\n")
    prepared = prepare(data)
    library = ImageLibrary(prepared, preprocess, "images", "NCHW")
    library.load([0, 1, 2])
    base = library.batch([2])["images"].base
    assert base is not None and len(base) == 2
    library.unload([1])
    np.testing.assert_array_equal(library.batch([2])["images"], expected(prepared, preprocess, [1]))
    library.unload([2])
    with pytest.raises(WorkError, match=r"sample 2 .* not loaded"):
        library.batch([2])


def test_batches_are_right_from_many_threads_at_once(
    library: ImageLibrary, prepared: Path, preprocess: ImagePreprocess
) -> None:
    library.load(range(8))
    wanted = expected(prepared, preprocess, list(range(8)))

    def check(number: int) -> bool:
        indices = np.random.default_rng(number).integers(0, 8, 1 + number % 5).tolist()
        return np.array_equal(library.batch(indices)["images"], wanted[indices])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, range(200)))


def test_a_corrupt_record_is_made_again_and_the_run_goes_on(
    library: ImageLibrary,
    prepared: Path,
    preprocess: ImagePreprocess,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wanted = expected(prepared, preprocess, [2, 3])
    whole = (prepared / "records.bin").read_bytes()
    with (prepared / "records.bin").open("r+b") as records:
        records.seek(3 * RECORD + 1000)
        records.write(b"damaged")
    with caplog.at_level(logging.WARNING):
        library.load([2, 3])
    np.testing.assert_array_equal(library.batch([2, 3])["images"], wanted)
    assert (prepared / "records.bin").read_bytes() == whole
    assert f"record 3 of the sample cache {prepared} is corrupt" in caplog.text


def test_a_corrupt_record_whose_photograph_changed_is_an_error(
    library: ImageLibrary, prepared: Path
) -> None:
    with (prepared / "records.bin").open("r+b") as records:
        records.seek(3 * RECORD + 1000)
        records.write(b"damaged")
    source = Path(json.loads((prepared / "sources.json").read_text())["root"], "image_0003.JPEG")
    source.write_bytes(b"other")
    with pytest.raises(InputError, match=r"image_0003\.JPEG has changed"):
        library.load([2, 3])
    library.load([2])
    assert library.batch([2])["images"].shape == (1, 3, 224, 224)


def test_records_cut_short_after_opening_are_an_error_and_no_crash(
    library: ImageLibrary, prepared: Path
) -> None:
    os.truncate(prepared / "records.bin", 3 * RECORD)
    with pytest.raises(DamagedCacheError, match=r"records\.bin has 451584 bytes instead of"):
        library.load([7])


def test_an_unfinished_cache_is_not_opened(prepared: Path, preprocess: ImagePreprocess) -> None:
    (prepared / "header.json").unlink()
    with pytest.raises(DamagedCacheError, match="not finished"):
        ImageLibrary(prepared, preprocess, "images", "NCHW")


def test_a_cache_made_for_another_geometry_is_not_opened(prepared: Path) -> None:
    other = ImagePreprocess(
        geometry="resize-then-crop", resampler="opencv-area", mean=(0, 0, 0), std=(1, 1, 1)
    )
    with pytest.raises(WorkError, match=r"was made for .*crop-then-resize.*, not for .*area"):
        ImageLibrary(prepared, other, "images", "NCHW")


MEASURE = """
import sys
from pathlib import Path
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess

def resident():
    status = Path("/proc/self/status").read_text()
    return {line.split()[0]: int(line.split()[1]) * 1024 for line in status.splitlines()
            if line.startswith(("RssAnon", "RssFile", "VmHWM"))}

preprocess = ImagePreprocess(geometry="crop-then-resize", resampler="opencv-bicubic",
                             mean=(127, 127, 127), std=(128, 128, 128))
library = ImageLibrary(Path(sys.argv[1]), preprocess, "images", "NCHW")
before = resident()
library.load(range(0, 300, 3))
after = resident()
library.unload(range(0, 300, 3))
for start in range(0, 300, 100):
    library.load(range(start, start + 100))
    library.unload(range(start, start + 100))
later = resident()
print(after["RssAnon:"] - before["RssAnon:"])
print(after["RssFile:"] - before["RssFile:"])
print(later["VmHWM:"] - before["VmHWM:"])
"""


def test_only_the_loaded_samples_are_resident(make_dataset: MakeDataset, prepare: Prepare) -> None:
    prepared = prepare(make_dataset(300))
    out = subprocess.run(
        [sys.executable, "-c", MEASURE, prepared], capture_output=True, text=True, check=True
    ).stdout
    memory, files, peak = (int(line) for line in out.split())
    loaded = 100 * BYTES_LOADED
    margin = 8 * 2**20
    assert loaded * 0.9 < memory < loaded + margin
    # All of records.bin is 45 MB, the part that was loaded 15 MB.
    assert files < margin
    # Peak: the samples, and the records that are mapped at one time.
    assert peak < loaded + 64 * RECORD + margin
