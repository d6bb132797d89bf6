import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.cache.sample_cache import DamagedCacheError, SampleCache
from loadscope.datasets.cache.sample_cache_build import Sources, mend_record, prepare_samples
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_decode import decode
from loadscope.datasets.images.image_geometry import ImageRecords, apply_geometry
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.errors import InputError, WorkError

MakeDataset = Callable[..., Path]
RECORD = 224 * 224 * 3
SCRIPT = Path(__file__).with_name("building_process.py")
FILES = ["header.json", "records.bin", "rows.bin", "crc.bin"]


class Build:
    """Prepares data sets into one cache folder and notes what progress said."""

    def __init__(self, root: Path, preprocess: ImagePreprocess) -> None:
        self.root = root
        self.maker = ImageRecords(preprocess)
        self.said: list[tuple[str, int, int]] = []

    def __call__(self, data: Path, limit: int | None = None, workers: int | None = None) -> Path:
        dataset = ImageNet.read(data, limit)
        sources = Sources(dataset.images, dataset.names, dataset.digests())
        self.said.clear()
        return prepare_samples(self.root, sources, self.maker, self.tell, workers)

    def tell(self, what: str, done: int, total: int) -> None:
        self.said.append((what, done, total))

    def made(self) -> int:
        """How many records the last build had to make."""
        steps = [(done, total) for what, done, total in self.said if what == "preparing samples"]
        return steps[-1][1] - steps[0][0] if steps else 0


@pytest.fixture
def build(tmp_path: Path, preprocess: ImagePreprocess) -> Build:
    return Build(tmp_path / "cache", preprocess)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip_a_bit(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_records_are_the_cropped_and_resized_images(
    make_dataset: MakeDataset, build: Build, workers: int
) -> None:
    data = make_dataset(20)
    folder = build(data, workers=workers)
    records = np.fromfile(folder / "records.bin", np.uint8).reshape(20, 224, 224, 3)
    for number, name in enumerate(ImageNet.read(data).names):
        image = apply_geometry(build.maker.preprocess, decode(data / "val" / name))
        np.testing.assert_array_equal(records[number], image)
    assert np.fromfile(folder / "rows.bin", "<u4").tolist() == list(range(20))
    checksums = [zlib.crc32(record.tobytes()) for record in records]
    assert np.fromfile(folder / "crc.bin", "<u4").tolist() == checksums
    assert build.said[0] == ("preparing samples", 0, 20)
    assert build.said[-1] == ("preparing samples", 20, 20)


def test_the_header_tells_how_to_read_the_cache(make_dataset: MakeDataset, build: Build) -> None:
    header = json.loads((build(make_dataset(3)) / "header.json").read_text())
    assert header["byte_order"] == "little"
    assert header["dtype"] == "uint8"
    assert header["record_shape"] == [224, 224, 3]
    assert (header["format"], header["count"], header["distinct"]) == (1, 3, 3)
    assert header["record"]["resampler"] == "opencv-bicubic"


def test_a_finished_cache_is_used_as_it_is(make_dataset: MakeDataset, build: Build) -> None:
    data = make_dataset(3)
    folder = build(data)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert build(data) == folder
    assert build.said == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_samples_with_the_same_contents_share_a_record(
    make_dataset: MakeDataset, build: Build
) -> None:
    data = make_dataset(3)
    with (data / "val_map.txt").open("a") as label_map:
        for number in range(500):
            (data / "val" / f"link_{number}.JPEG").symlink_to(f"image_{number % 3:04d}.JPEG")
            label_map.write(f"link_{number}.JPEG 1\n")
    folder = build(data)
    assert (folder / "records.bin").stat().st_size == 3 * RECORD
    assert SampleCache.open(folder).rows.tolist() == [0, 1, 2] + [n % 3 for n in range(500)]


def test_a_changed_image_of_the_same_name_gets_another_cache(
    make_dataset: MakeDataset, build: Build, photograph: Callable[[int, int, int], bytes]
) -> None:
    data = make_dataset(3)
    first = build(data)
    (data / "val" / "image_0001.JPEG").write_bytes(photograph(77, 20, 30))
    second = build(data)
    assert second != first
    assert SampleCache.open(second).folder == second


def test_order_limit_and_preprocessing_get_caches_of_their_own(
    make_dataset: MakeDataset, build: Build, tmp_path: Path
) -> None:
    data = make_dataset(3)
    folders = {build(data), build(data, limit=2)}
    (data / "val_map.txt").write_text("image_0001.JPEG 1\nimage_0000.JPEG 0\nimage_0002.JPEG 2\n")
    folders.add(build(data))
    other = ImagePreprocess(
        geometry="crop-then-resize",
        resampler="opencv-bilinear",
        mean=(127, 127, 127),
        std=(128, 128, 128),
    )
    folders.add(Build(tmp_path / "cache", other)(data))
    assert len(folders) == 4


def test_models_that_differ_in_normalisation_alone_share_a_cache(
    make_dataset: MakeDataset, build: Build, tmp_path: Path
) -> None:
    data = make_dataset(3)
    other = ImagePreprocess(
        geometry="crop-then-resize",
        resampler="opencv-bicubic",
        mean=(0, 0, 0),
        std=(255, 255, 255),
        colour="bgr",
    )
    assert Build(tmp_path / "cache", other)(data) == build(data)


def test_a_data_set_that_was_moved_keeps_its_cache(make_dataset: MakeDataset, build: Build) -> None:
    data = make_dataset(3)
    folder = build(data)
    moved = data.rename(data.with_name("moved"))
    assert build(moved) == folder
    assert build.made() == 0
    assert json.loads((folder / "sources.json").read_text())["root"] == str(moved / "val")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer", "flipped"])
def test_a_damaged_file_is_detected_and_made_whole(
    make_dataset: MakeDataset, build: Build, name: str, damage: str
) -> None:
    data = make_dataset(6)
    folder = build(data)
    whole = contents(folder)
    path = folder / name
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(whole[name][: len(whole[name]) // 2])
    elif damage == "longer":
        path.write_bytes(whole[name] + b"more")
    else:
        flip_a_bit(path, len(whole[name]) // 2)
    if (name, damage) == ("records.bin", "flipped"):
        # Found by its checksum when it is loaded; here, when the next build checks everything.
        (folder / "header.json").unlink()
    with pytest.raises(DamagedCacheError, match=str(folder)):
        SampleCache.open(folder)
    assert build(data) == folder
    assert contents(folder) == whole


@pytest.mark.parametrize(
    ("name", "damage", "made"),
    [
        ("header.json", lambda path: path.write_bytes(b"{}"), 0),
        ("rows.bin", lambda path: path.write_bytes(b""), 0),
        ("crc.bin", lambda path: flip_a_bit(path, 5), 1),
        ("records.bin", lambda path: os.truncate(path, 4 * RECORD + 9), 2),
    ],
)
def test_only_what_is_damaged_is_made_again(
    make_dataset: MakeDataset,
    build: Build,
    name: str,
    damage: Callable[[Path], object],
    made: int,
) -> None:
    data = make_dataset(6)
    damage(build(data) / name)
    build(data)
    assert build.made() == made


@pytest.mark.parametrize(
    "header",
    ["null", "[]", '{"checks": 1}', "{}", "[" * 100_000, '{"format": 2}', "\ud800"],
)
def test_any_header_that_is_not_ours_counts_as_damage(
    make_dataset: MakeDataset, build: Build, header: str
) -> None:
    folder = build(make_dataset(1))
    (folder / "header.json").write_text(header, errors="surrogatepass")
    with pytest.raises(DamagedCacheError):
        SampleCache.open(folder)


def test_a_cache_under_a_strange_name_is_refused(make_dataset: MakeDataset, build: Build) -> None:
    folder = build(make_dataset(1))
    with pytest.raises(DamagedCacheError, match="does not fit the folder's name"):
        SampleCache.open(folder.rename(folder.with_name("other")))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_that_does_not_decode_is_one_error_that_names_it(
    make_dataset: MakeDataset, build: Build, workers: int
) -> None:
    data = make_dataset(40)
    bad = data / "val" / "image_0033.JPEG"
    bad.write_bytes(bad.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"image_0033\.JPEG does not decode: .*truncated"):
        build(data, workers=workers)
    assert not list(build.root.glob("samples/*/header.json"))


def test_an_image_that_changes_while_it_is_prepared_is_an_error(
    make_dataset: MakeDataset, build: Build, photograph: Callable[[int, int, int], bytes]
) -> None:
    dataset = ImageNet.read(make_dataset(3))
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    (dataset.images / "image_0001.JPEG").write_bytes(photograph(77, 20, 30))
    with pytest.raises(InputError, match=r"image_0001\.JPEG has changed"):
        prepare_samples(build.root, sources, build.maker, build.tell)


def test_an_image_that_vanishes_while_it_is_prepared_is_an_error(
    make_dataset: MakeDataset, build: Build
) -> None:
    dataset = ImageNet.read(make_dataset(3))
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    (dataset.images / "image_0001.JPEG").unlink()
    with pytest.raises(InputError, match=r"cannot read .*image_0001\.JPEG"):
        prepare_samples(build.root, sources, build.maker, build.tell)


def test_a_cache_larger_than_the_disk_is_refused_before_it_is_built(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    huge = ImagePreprocess(
        geometry="crop-then-resize",
        resampler="opencv-bicubic",
        mean=(0, 0, 0),
        std=(1, 1, 1),
        size=2_000_000,
    )
    build = Build(tmp_path / "cache", huge)
    with pytest.raises(
        WorkError, match=r"no space in .*/cache/samples/.* 36\.0 TB needed, .* free"
    ):
        build(make_dataset(3))
    assert not list(build.root.glob("samples/*/*"))


def run_build(data: Path, root: Path, largest: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, data, root, "1", str(largest)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_system_that_cannot_take_the_records_is_an_error_with_figures(
    make_dataset: MakeDataset, build: Build
) -> None:
    done = run_build(make_dataset(20), build.root, RECORD * 10)
    assert done.returncode == 1
    assert "records.bin: File too large (3.0 MB needed, " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_write_refused_while_building_keeps_what_is_done(
    make_dataset: MakeDataset, build: Build
) -> None:
    data = make_dataset(40)

    def stop(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    dataset = ImageNet.read(data)
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    with pytest.raises(KeyboardInterrupt):
        prepare_samples(build.root, sources, build.maker, stop, workers=1)
    # The files have their full size by now, so the limit is met by a record being written.
    done = run_build(data, build.root, RECORD * 20)
    assert done.returncode == 1
    assert "records.bin: File too large (6.0 MB needed, " in done.stderr
    assert SampleCache.open(build(data)).rows.size == 40
    assert build.made() == 20


def test_a_damaged_record_is_mended_from_its_photograph(
    make_dataset: MakeDataset, build: Build
) -> None:
    folder = build(make_dataset(3))
    whole = contents(folder)
    flip_a_bit(folder / "records.bin", RECORD + 99)
    mend_record(SampleCache.open(folder), 1, build.maker)
    assert contents(folder) == whole


def test_a_record_is_not_mended_from_another_photograph(
    make_dataset: MakeDataset, build: Build, photograph: Callable[[int, int, int], bytes]
) -> None:
    data = make_dataset(3)
    cache = SampleCache.open(build(data))
    (data / "val" / "image_0001.JPEG").write_bytes(photograph(77, 20, 30))
    with pytest.raises(InputError, match=r"image_0001\.JPEG has changed"):
        mend_record(cache, 1, build.maker)


def test_a_record_that_would_come_out_otherwise_is_not_mended(
    make_dataset: MakeDataset, build: Build
) -> None:
    cache = SampleCache.open(build(make_dataset(3)))
    other = ImageRecords(
        ImagePreprocess(
            geometry="crop-then-resize", resampler="opencv-area", mean=(0, 0, 0), std=(1, 1, 1)
        )
    )
    with pytest.raises(DamagedCacheError, match=r"record 1 is corrupt and .* does not give it"):
        mend_record(cache, 1, other)


@pytest.mark.parametrize("listed", [None, b"", b"[]", b'{"root": "/", "files": []}'])
def test_a_record_of_unknown_source_is_not_mended(
    make_dataset: MakeDataset, build: Build, listed: bytes | None
) -> None:
    cache = SampleCache.open(build(make_dataset(3)))
    if listed is None:
        (cache.folder / "sources.json").unlink()
    else:
        (cache.folder / "sources.json").write_bytes(listed)
    with pytest.raises(DamagedCacheError, match="record 1 is corrupt"):
        mend_record(cache, 1, build.maker)
