import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from loadscope.datasets.cache.sample_cache import SampleCache
from loadscope.datasets.cache.sample_cache_build import Sources, prepare_samples
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_geometry import ImageRecords
from loadscope.datasets.images.image_preprocess import ImagePreprocess

MakeDataset = Callable[..., Path]
SCRIPT = Path(__file__).with_name("building_process.py")
COUNT = 160
# Large enough to take some milliseconds each, so that there is a middle to be stopped in.
SIDE = 500


class Building:
    """A process that prepares a data set, with its own children."""

    def __init__(self, data: Path, cache: Path, workers: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, data, cache, str(workers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def said(self) -> Iterator[tuple[str, int, int]]:
        assert self.process.stdout
        for line in self.process.stdout:
            told = json.loads(line)
            if isinstance(told, list):
                yield (told[0], told[1], told[2])

    def wait_for(self, what: str, at_least: int) -> int:
        for told, done, _ in self.said():
            if told == what and done >= at_least:
                return done
        raise AssertionError(f"it ended without '{what}': {self.finish()}")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def hold(self) -> None:
        """Stop it and its children where they are, until ``release``."""
        for each in (psutil.Process(self.process.pid), *self.children()):
            each.suspend()

    def release(self) -> None:
        """Let them go on."""
        for each in (*self.children(), psutil.Process(self.process.pid)):
            each.resume()

    def finish(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def started() -> Iterator[Callable[[Path, Path, int], Building]]:
    all_of_them: list[Building] = []

    def start(data: Path, cache: Path, workers: int) -> Building:
        all_of_them.append(Building(data, cache, workers))
        return all_of_them[-1]

    yield start
    for building in all_of_them:
        if building.process.poll() is None:
            building.process.kill()
        building.process.communicate()


Start = Callable[[Path, Path, int], Building]


def finished_records(cache: Path) -> list[int]:
    (checksums,) = (cache / "samples").glob("*/crc.bin")
    return [int(record) for record in np.flatnonzero(np.fromfile(checksums, "<u4"))]


def resume(sources: Sources, cache: Path, preprocess: ImagePreprocess) -> tuple[Path, int]:
    """Finish a build; also tell how many records it found done."""
    said: list[int] = []

    def tell(what: str, done: int, total: int) -> None:
        if what == "preparing samples":
            said.append(done)

    folder = prepare_samples(cache, sources, ImageRecords(preprocess), tell, workers=1)
    return folder, said[0]


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=30)
    return not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_build_goes_on_without_doing_finished_records_again(
    make_dataset: MakeDataset,
    started: Start,
    tmp_path: Path,
    preprocess: ImagePreprocess,
    workers: int,
) -> None:
    data, cache = make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache"
    dataset = ImageNet.read(data)
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    building = started(data, cache, workers)
    building.wait_for("preparing samples", 1)
    children = building.children()
    building.process.kill()
    assert building.finish()[0] == -signal.SIGKILL
    assert gone(children), "the workers outlive the build that started them"

    finished = finished_records(cache)
    assert 0 < len(finished) < COUNT
    assert not list(cache.glob("samples/*/header.json"))
    # Without its photograph a record cannot be made again.
    for record in finished:
        (dataset.images / dataset.names[record]).unlink()
    folder, found = resume(sources, cache, preprocess)
    assert found == len(finished)

    reference = make_dataset(COUNT, SIDE, SIDE, name="reference")
    whole, _ = resume(
        Sources(reference / "val", dataset.names, dataset.digests()),
        tmp_path / "other",
        preprocess,
    )
    assert (folder / "records.bin").read_bytes() == (whole / "records.bin").read_bytes()
    assert folder.name == whole.name


def test_a_record_that_was_cut_short_is_done_again(
    make_dataset: MakeDataset, started: Start, tmp_path: Path, preprocess: ImagePreprocess
) -> None:
    data, cache = make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache"
    dataset = ImageNet.read(data)
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    building = started(data, cache, 1)
    building.wait_for("preparing samples", 8)
    building.process.kill()
    building.finish()
    finished = finished_records(cache)
    (records,) = cache.glob("samples/*/records.bin")
    with records.open("r+b") as file:
        file.seek(finished[0] * 224 * 224 * 3 + 1000)
        file.write(bytes(50_000))
    _, found = resume(sources, cache, preprocess)
    assert found == len(finished) - 1


def test_ctrl_c_stops_all_processes_quietly_and_keeps_what_is_done(
    make_dataset: MakeDataset, started: Start, tmp_path: Path, preprocess: ImagePreprocess
) -> None:
    data, cache = make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache"
    dataset = ImageNet.read(data)
    building = started(data, cache, 2)
    building.wait_for("preparing samples", 1)
    children = building.children()
    # A terminal sends the signal to the whole group.
    os.killpg(building.process.pid, signal.SIGINT)
    status, errors = building.finish()
    assert (status, errors) == (130, "")
    assert gone(children)
    finished = finished_records(cache)
    assert 0 < len(finished) < COUNT
    sources = Sources(dataset.images, dataset.names, dataset.digests())
    assert resume(sources, cache, preprocess)[1] == len(finished)


def test_ctrl_c_while_processes_start_is_quiet_too(
    make_dataset: MakeDataset, started: Start, tmp_path: Path
) -> None:
    building = started(make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache", 2)
    building.wait_for("preparing samples", 0)
    os.killpg(building.process.pid, signal.SIGINT)
    assert building.finish() == (130, "")


def test_of_two_builds_at_once_one_builds_and_the_other_says_that_it_waits(
    make_dataset: MakeDataset, started: Start, tmp_path: Path
) -> None:
    data, cache = make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache"
    first = started(data, cache, 1)
    first.wait_for("preparing samples", 0)
    first.hold()
    second = started(data, cache, 1)
    second.wait_for("waiting for another process to prepare the same samples", 0)
    first.release()
    told = [what for what, _, _ in second.said()]
    assert list(first.said())[-1] == ("preparing samples", COUNT, COUNT)
    assert first.finish() == second.finish() == (0, "")
    assert "preparing samples" not in told
    (header,) = cache.glob("samples/*/header.json")
    assert len(SampleCache.open(header.parent).checksums) == COUNT


def test_when_the_building_process_is_killed_the_waiting_one_goes_on(
    make_dataset: MakeDataset, started: Start, tmp_path: Path
) -> None:
    data, cache = make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache"
    first = started(data, cache, 1)
    first.wait_for("preparing samples", 1)
    first.hold()
    second = started(data, cache, 1)
    second.wait_for("waiting for another process to prepare the same samples", 0)
    first.process.kill()
    first.release()
    first.finish()
    done = finished_records(cache)
    steps = [done for what, done, _ in second.said() if what == "preparing samples"]
    assert second.finish() == (0, "")
    assert len(done) <= steps[0] < COUNT
    assert steps[-1] == COUNT


def test_a_worker_that_is_killed_is_an_error_and_keeps_what_is_done(
    make_dataset: MakeDataset, started: Start, tmp_path: Path
) -> None:
    building = started(make_dataset(COUNT, SIDE, SIDE), tmp_path / "cache", 2)
    building.wait_for("preparing samples", 1)
    worker = next(
        child for child in building.children() if "resource_tracker" not in str(child.cmdline())
    )
    worker.kill()
    status, errors = building.finish()
    assert status == 1
    assert "a process that prepares samples was killed" in errors
    assert "Traceback" not in errors
    assert finished_records(tmp_path / "cache")


IN_A_SMALL_DISK = """
mount -t tmpfs -o size=2m none {disk} || exit 77
{python} {script} {data} {disk}/cache 1
status=$?
ls -R {disk}/cache
exit $status
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare of util-linux")
def test_a_full_disk_is_an_error_of_two_lines(make_dataset: MakeDataset, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = IN_A_SMALL_DISK.format(
        disk=disk, python=sys.executable, script=SCRIPT, data=make_dataset(16)
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no mounts of our own here: {done.stderr}")
    assert done.returncode == 1
    assert f"no space in {disk}/cache/samples/" in done.stderr
    assert ": 2.4 MB needed, 2.1 MB free" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "records.bin" not in done.stdout
