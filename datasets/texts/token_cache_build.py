"""Writing token caches."""

import zlib
from pathlib import Path

import numpy as np
from filelock import FileLock

from loadscope.datasets.cache.disk_space import require_space, writing
from loadscope.datasets.cache.sample_cache import HEADER, DamagedCacheError, key_of
from loadscope.datasets.task import Progress
from loadscope.datasets.texts.text_spec import TokenSource
from loadscope.datasets.texts.token_cache import FORMAT, LENGTHS, TOKENS, TokenCache
from loadscope.files import replacing, write_json
from loadscope.in_use import keep

_SAMPLES_A_REPORT = 1024


def prepare_tokens(source: TokenSource, cache_root: Path, progress: Progress) -> Path:
    """Give the folder of a finished cache of these samples, writing it if it is not there.

    Of several processes that want the same cache one writes and the others wait.

    Args:
        source: The samples.
        cache_root: The suite's cache folder; caches are in ``samples/`` below it.
        progress: Told of the work.

    Raises:
        WorkError: The cache cannot be written, or there is not enough space.
    """
    material = {
        "format": FORMAT,
        "byte_order": "little",
        "kind": "tokens",
        "count": len(source),
        "source_sha256": source.sha256,
        "tokens": source.spec.material(),
        "tokenizers": source.tokenizer_version,
    }
    folder = cache_root / "samples" / key_of(material)
    keep(folder)
    if _is_finished(folder):
        return folder
    needed = len(source) * (source.spec.window + 1) * 4
    with writing(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        lock.acquire()
    try:
        if not _is_finished(folder):
            require_space(folder, needed)
            _write(source, folder, material, progress)
    finally:
        lock.release()
    return folder


def _is_finished(folder: Path) -> bool:
    try:
        TokenCache.open(folder)
    except DamagedCacheError:
        return False
    return True


def _write(
    source: TokenSource, folder: Path, material: dict[str, object], progress: Progress
) -> None:
    total = len(source)
    tokens, lengths = [], []
    for index in range(total):
        if index % _SAMPLES_A_REPORT == 0:
            progress("preparing samples", index, total)
        row, before = source.sample(index)
        tokens.append(row)
        lengths.append((len(row), before))
    contents = {
        TOKENS: np.concatenate(tokens).astype("<i4").tobytes(),
        LENGTHS: np.array(lengths, "<u2").tobytes(),
    }
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    checks = {name: zlib.crc32(content) for name, content in contents.items()}
    write_json(folder / HEADER, {**material, "checks": checks})
    progress("preparing samples", total, total)
