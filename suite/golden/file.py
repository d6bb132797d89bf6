"""Golden files on disk: one ``.npz``, little-endian, with the byte order written in it.

- ``meta``: JSON as UTF-8 bytes: the format, ``byte_order: little``, model, data, host, score,
  and the names, types, shapes and sha256 of all digests.
- ``figures`` and ``strided``: of all digests in that order, ``<f8`` and ``<f4``; a digest with
  fewer strided values than ``STRIDED`` is filled up with NaN.
- ``payload/<sample>``: ``|u1``; ``output/<sample>/<name>``: the outputs.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.suite.golden.digest import STRIDED, Digest, little
from loadscope.suite.golden.observation import Observation, Sample

FORMAT = 1
_FIX = "write it again with 'loadscope golden'"


def write_golden(path: Path, seen: Observation) -> None:
    """Write an observation by rename.

    Raises:
        WorkError: The file system refuses.
    """
    digests: list[Digest] = []

    def place(group: Any) -> list[dict[str, Any]]:
        digests.extend(group)
        return [
            {"name": d.name, "type": d.type, "shape": list(d.shape), "sha256": d.sha256}
            for d in group
        ]

    meta = {
        "format": FORMAT,
        "byte_order": "little",
        **seen.meta,
        "weights": place(seen.weights),
        "samples": [
            {"inputs": place(sample.inputs), "layers": place(sample.layers)}
            for sample in seen.samples
        ],
    }
    strided = np.full((len(digests), STRIDED), np.nan, "<f4")
    for row, one in zip(strided, digests, strict=True):
        row[: len(one.strided)] = one.strided
    arrays: dict[str, NDArray[Any]] = {
        "meta": np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), np.uint8),
        "figures": np.array([one.figures for one in digests], "<f8").reshape(-1, 3),
        "strided": strided,
    }
    for index, sample in enumerate(seen.samples):
        arrays[f"payload/{index}"] = np.frombuffer(sample.payload, np.uint8)
        for name, value in sample.outputs.items():
            arrays[f"output/{index}/{name}"] = value.astype(little(value.dtype))
    # numpy.savez takes names as keywords, which a tensor's name may not fit.
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as out:
        for name, value in arrays.items():
            with out.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.save(member, value, allow_pickle=False)


def read_golden(path: Path) -> Observation:
    """Read a golden file into native byte order.

    Raises:
        InputError: It is none, is damaged, or is not little-endian.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            if meta["format"] != FORMAT or meta["byte_order"] != "little":
                raise InputError(
                    f"{path}: format {meta['format']} in {meta['byte_order']}-endian order; this "
                    f"version reads {FORMAT}, little-endian",
                    _FIX,
                )
            arrays = {name: _native(archive[name]) for name in archive.files if name != "meta"}
        return _observation(meta, arrays)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", _FIX) from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, StopIteration) as error:
        raise InputError(f"{path} is no golden file, or it is damaged: {error}", _FIX) from error


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """An array as frameworks take it, whatever order its own header states."""
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))


def _observation(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Observation:
    rows = zip(arrays["figures"], arrays["strided"], strict=True)

    def take(group: list[dict[str, Any]]) -> list[Digest]:
        found = []
        for each in group:
            figures, strided = next(rows)
            size = int(np.prod(each["shape"], dtype=np.int64))
            step = max(1, size // STRIDED)
            count = min(STRIDED, -(-size // step))
            shape = tuple(each["shape"])
            found.append(
                Digest(each["name"], each["type"], shape, each["sha256"], figures, strided[:count])
            )
        return found

    weights = take(meta.pop("weights"))
    samples = []
    for index, each in enumerate(meta.pop("samples")):
        start = f"output/{index}/"
        outputs = {
            name.removeprefix(start): value
            for name, value in arrays.items()
            if name.startswith(start)
        }
        payload = arrays[f"payload/{index}"].tobytes()
        samples.append(Sample(take(each["inputs"]), outputs, payload, take(each["layers"])))
    return Observation(meta, samples, weights)
