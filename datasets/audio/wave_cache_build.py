"""Writing caches of recordings."""

import contextlib
import hashlib
import zlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from loadscope.datasets.audio.recording import (
    Header,
    read_header,
    read_recording,
    require_length,
)
from loadscope.datasets.audio.wave_cache import CLIPS, FORMAT, FULL, WAVES, WaveCache
from loadscope.datasets.audio.wave_spec import WaveSource, WaveSpec, wave_material
from loadscope.datasets.cache.disk_space import require_space, writing
from loadscope.datasets.cache.record_workers import available_cores
from loadscope.datasets.cache.sample_cache import HEADER, DamagedCacheError, key_of
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import replacing, write_json
from loadscope.in_use import keep

_CLIPS_A_REPORT = 16


def prepare_waves(source: WaveSource, spec: WaveSpec, cache_root: Path, progress: Progress) -> Path:
    """Give the folder of a finished cache of these recordings, writing it if it is not there.

    Headers are read first, so that a recording that cannot be used is told before any is decoded.
    Of several processes that want the same cache one writes and the others wait.

    Args:
        source: The recordings.
        spec: The model's rate, and the longest recording that it takes.
        cache_root: The suite's cache folder; caches are in ``samples/`` below it.
        progress: Told of the work.

    Raises:
        InputError: A recording is unusable, too long, or has changed meanwhile.
        WorkError: The cache cannot be written, or there is not enough space.
    """
    digests = source.digests(cache_root, progress)
    paths = [source.path / name for name in source.names]
    headers = [read_header(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        require_length(path, header, spec.longest)
    material = {
        "format": FORMAT,
        "byte_order": "little",
        "kind": "waves",
        "count": len(paths),
        "audio": wave_material(spec),
        "samples_sha256": hashlib.sha256("\n".join(digests).encode()).hexdigest(),
    }
    folder = cache_root / "samples" / key_of(material)
    keep(folder)
    if _is_finished(folder):
        return folder
    exact = all(header.exact(spec.rate) for header in headers)
    dtype = np.dtype("<i2" if exact else "<f4")
    needed = sum(_samples(header, spec.rate) for header in headers) * dtype.itemsize
    with writing(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        lock.acquire()
    try:
        if not _is_finished(folder):
            require_space(folder, needed)
            decoded = _decoded(paths, digests, spec.rate)
            _write(folder, material, dtype, needed, decoded, progress)
    finally:
        lock.release()
    return folder


def _samples(header: Header, rate: int) -> int:
    return -(-header.frames * rate // header.rate)


def _is_finished(folder: Path) -> bool:
    try:
        WaveCache.open(folder)
    except DamagedCacheError:
        return False
    return True


def _decoded(
    paths: Sequence[Path], digests: Sequence[str], rate: int
) -> Generator[NDArray[np.float32], None, None]:
    """Recordings in order, decoded a few ahead; libsndfile and scipy leave the lock to others."""

    def decode(path: Path, digest: str) -> NDArray[np.float32]:
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        if found != digest:
            raise InputError(
                f"{path} has changed since its checksum was taken",
                "leave the data set alone while it is prepared, and run again",
            )
        return read_recording(path, rate)

    ahead = 2 * available_cores()
    with ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(paths), ahead):
            part = slice(start, start + ahead)
            yield from pool.map(decode, paths[part], digests[part])


def _write(
    folder: Path,
    material: dict[str, Any],
    dtype: np.dtype[Any],
    needed: int,
    decoded: Generator[NDArray[np.float32], None, None],
    progress: Progress,
) -> None:
    total, table = material["count"], np.zeros((material["count"], 2), "<u4")
    scale = np.float32(FULL if dtype.kind == "i" else 1)
    with (
        contextlib.closing(decoded),
        replacing(folder / WAVES) as temporary,
        writing(temporary, needed),
        temporary.open("wb") as file,
    ):
        for index, samples in enumerate(decoded):
            if index % _CLIPS_A_REPORT == 0:
                progress("preparing recordings", index, total)
            content = (samples * scale).astype(dtype).tobytes()
            table[index] = len(samples), zlib.crc32(content)
            file.write(content)
    with replacing(folder / CLIPS) as temporary:
        temporary.write_bytes(table.tobytes())
    stored = {"dtype": dtype.str, "clips_crc": zlib.crc32(table.tobytes())}
    write_json(folder / HEADER, {**material, "stored": stored})
    progress("preparing recordings", total, total)
