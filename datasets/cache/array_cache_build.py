"""Writing array caches."""

import shutil
import zlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from loadscope.datasets.cache.array_cache import (
    CHECKSUMS,
    SIZES,
    ArrayCache,
    Column,
    column_file,
    material_of,
)
from loadscope.datasets.cache.disk_space import require_space, writing
from loadscope.datasets.cache.sample_cache import HEADER, DamagedCacheError, key_of
from loadscope.datasets.task import Progress
from loadscope.files import write_json
from loadscope.in_use import keep
from loadscope.tensors import Tensors

_TO_TELL = 200
"""So many times is told of the work at most."""


def prepare_arrays(
    cache_root: Path,
    record: Mapping[str, Any],
    columns: Mapping[str, Column],
    rows: Iterable[Tensors],
    count: int,
    needed: int,
    progress: Progress,
) -> Path:
    """Give the folder of a finished cache of these samples, writing it if it is not there.

    Of several processes that want the same cache one writes and the others wait.

    Args:
        cache_root: The suite's cache folder; caches are in ``samples/`` below it.
        record: What shapes the arrays: settings, versions of libraries, digest of the data.
        columns: What each sample has.
        rows: The samples in order, without a batch axis; not asked for where they are there.
        count: How many there are.
        needed: About how many bytes they take.
        progress: Told of the work.

    Raises:
        InputError: From ``rows``.
        WorkError: The cache cannot be written, or there is not enough space.
    """
    material = material_of({**record, "count": count}, columns)
    folder = cache_root / "samples" / key_of(material)
    keep(folder)
    if _is_finished(folder):
        return folder
    with writing(folder, needed):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        lock.acquire()
    try:
        if not _is_finished(folder):
            require_space(folder.parent, needed)
            _write(folder, material, columns, rows, count, needed, progress)
    finally:
        lock.release()
    return folder


def _is_finished(folder: Path) -> bool:
    try:
        ArrayCache.open(folder)
    except DamagedCacheError:
        return False
    return True


def _write(
    folder: Path,
    material: dict[str, Any],
    columns: Mapping[str, Column],
    rows: Iterable[Tensors],
    count: int,
    needed: int,
    progress: Progress,
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    sizes: list[list[int]] = []
    sums: list[list[int]] = []
    step = max(1, count // _TO_TELL)
    with writing(folder, needed), ExitStack() as opened:
        folder.mkdir(parents=True)
        files = [
            opened.enter_context((folder / column_file(at)).open("wb"))
            for at in range(len(columns))
        ]
        for index, row in enumerate(rows):
            if index % step == 0:
                progress("preparing samples", index, count)
            arrays = [np.ascontiguousarray(row[name], one.stored) for name, one in columns.items()]
            for array, file in zip(arrays, files, strict=True):
                file.write(array.tobytes())
            sizes.append([size for array in arrays for size in array.shape])
            sums.append([zlib.crc32(array.tobytes()) for array in arrays])
        tables = {name: np.array(table, "<u4").tobytes() for name, table in (
            (SIZES, sizes), (CHECKSUMS, sums)
        )}  # fmt: skip
        for name, content in tables.items():
            (folder / name).write_bytes(content)
    checks = {name: zlib.crc32(content) for name, content in tables.items()}
    write_json(folder / HEADER, {**material, "checks": checks})
    progress("preparing samples", count, count)
