"""Rows for preprocessing: images a second into the sample cache beside a loop of OpenCV's calls.

``python -m loadscope.tools.bench.preprocessing WHAT FOLDER DECODING`` prints
``{images_per_second}``.
"""

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from loadscope.cores import usable_cores
from loadscope.datasets.images.image_geometry import apply_geometry
from loadscope.datasets.images.image_preprocess import Decoding, ImagePreprocess
from loadscope.datasets.registry import task
from loadscope.suite.models.manifest import Catalogue
from loadscope.tools.bench.models import many_images
from loadscope.tools.bench.pairs import alternate, run_json

MODEL = "efficientnet-lite0"
LEAST = 1.3
_COPIES = 4
_ENLARGED = 3


def preprocessing_rows(pairs: int) -> Iterator[dict[str, Any]]:
    """Measure photographs from JPEG to cache; the loop's rate counts once a core.

    The first 4,096 are of ImageNet's size and decoded exactly. The sides of the other 1,024 are
    three times as long, and they are decoded reduced.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = many_images(Path(name))
        _multiply(folder)
        yield _row(pairs, folder, "exact")
    with tempfile.TemporaryDirectory() as name:
        yield _row(pairs, many_images(Path(name), _ENLARGED), "reduced")


def _row(pairs: int, folder: Path, decoding: str) -> dict[str, Any]:
    def rate(what: str) -> float:
        found = run_json("loadscope.tools.bench.preprocessing", what, str(folder), decoding)
        return float(found["images_per_second"])

    cores = usable_cores()
    measured = alternate(pairs, lambda: rate("suite"), lambda: rate("bare") * cores)
    return {
        "framework": "-",
        "model": MODEL,
        "scenario": "-",
        "what": f"preprocessing, {decoding}, to a loop of OpenCV x {cores} cores",
        "unit": "images/s",
        **measured,
        "target": f"ratio at least {LEAST}",
        "met": measured["ratio"] >= LEAST,
    }


def _multiply(folder: Path) -> None:
    """Add copies that differ in a byte behind the image's end, so that each is a sample of its own.

    With few images the start of the processes would be measured.
    """
    lines = (folder / "val_map.txt").read_text(encoding="utf-8").splitlines()
    more = []
    for copy in range(1, _COPIES):
        for line in lines:
            name, label = line.split()
            contents = (folder / "val" / name).read_bytes()
            (folder / "val" / f"{copy}-{name}").write_bytes(contents + bytes([copy]))
            more.append(f"{copy}-{name} {label}")
    (folder / "val_map.txt").write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")


def measure(what: str, folder: Path, decoding: Decoding) -> dict[str, float]:
    """Preprocess a data set once.

    Args:
        what: ``suite``: digests, decoding, checksums and writing, on all cores. ``bare``: read,
            decode, crop and resize by OpenCV in this process, and nothing kept on disk.
        folder: The data set.
        decoding: How the suite decodes; OpenCV decodes every pixel.
    """
    entry = Catalogue.load().get(MODEL)
    preprocess = entry.artifact_for("onnxruntime").preprocess
    if not isinstance(preprocess, ImagePreprocess):
        raise TypeError(f"the model reads no photographs: {type(preprocess).__name__}")
    kind = task(entry.task)
    dataset = kind.read(folder, None, entry.classes or 0)
    # The page cache has the files for both.
    paths = sorted((folder / "val").iterdir())
    for path in paths:
        path.read_bytes()
    begun = time.perf_counter()
    if what == "suite":
        with tempfile.TemporaryDirectory() as cache:
            made = dataclasses.replace(preprocess, decoding=decoding)
            kind.prepare(dataset, made, Path(cache), lambda *_: None)
            spent = time.perf_counter() - begun
    else:
        cv2.setNumThreads(1)
        size = preprocess.size
        records = np.empty((len(paths), size, size, 3), np.uint8)
        for record, path in zip(records, paths, strict=True):
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            record[:] = apply_geometry(preprocess, np.asarray(image, np.uint8))
        spent = time.perf_counter() - begun
    return {"images_per_second": len(paths) / spent}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), cast(Decoding, sys.argv[3]))))
