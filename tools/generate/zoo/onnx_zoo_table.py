"""The ONNX model zoo's table: the validated entries of its manifest."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from loadscope.tools.generate.zoo.tables import sha256, write_table

# The last part of each model's README, 'License', at the commit of the manifest.
_LICENCES = {
    "Apache-2.0": (
        "bert-squad gpt-2 gpt2-bs roberta t5 age_gender arcface mobilenet resnet squeezenet vgg "
        "duc ssd"
    ),
    "MIT": (
        "emotion_ferplus ultraface densenet-121 efficientnet-lite4 inception_v1 inception_v2 mnist "
        "zfnet-512 faster-rcnn fcn mask-rcnn ssd-mobilenetv1 tiny-yolov2 tiny-yolov3 yolov2-coco "
        "yolov3 yolov4"
    ),
    "BSD-3-Clause": (
        "alexnet caffenet googlenet rcnn_ilsvrc13 shufflenet retinanet fast_neural_style"
    ),
}
_TASKS = {
    "classification": "image-classification",
    "object detection segmentation": "object-detection",
    "machine comprehension": "question-answering",
    "style transfer": "style-transfer",
    "body analysis": "body-analysis",
    "super resolution": "super-resolution",
}


def write(manifest: Path, commit: str, output: Path) -> int:
    """Write the table of the validated entries.

    Args:
        manifest: ``ONNX_HUB_MANIFEST.json`` of onnx/models.
        commit: Of which commit.
        output: The table.

    Returns:
        How many rows it has.
    """
    entries = json.loads(manifest.read_text(encoding="utf-8"))
    rows = sorted(_rows(entries), key=lambda row: str(row["name"]))
    notes = [
        f"onnx/models at {commit}, ONNX_HUB_MANIFEST.json, sha256",
        f"{sha256(manifest)}: paths, sha256, bytes, tensors;",
        "licences from each model's README. The path starts at the folder 'validated'.",
        "Made by: python -m loadscope.tools.generate.zoo onnx-zoo",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(entries: list[dict[str, Any]]) -> Iterator[Mapping[str, object]]:
    licences = {folder: spdx for spdx, folders in _LICENCES.items() for folder in folders.split()}
    for entry in entries:
        meta, path = entry["metadata"], PurePosixPath(entry["model_path"])
        folder = next((part for part in path.parts[::-1] if part in licences), "")
        ports = meta.get("io_ports", {})
        yield {
            "name": path.stem,
            "title": entry["model"],
            "task": _TASKS[meta["tags"][1]],
            "licence": licences.get(folder, "unknown"),
            "opset": entry["opset_version"],
            "inputs": _tensors(ports.get("inputs", ())),
            "outputs": _tensors(ports.get("outputs", ())),
            "bytes": meta["model_bytes"],
            "sha256": meta["model_sha"],
            "path": str(path.relative_to("validated")),
        }


def _tensors(ports: Any) -> str:
    """``name type size,size`` of each, a bar between two; a size that has a name is -1."""
    return " | ".join(
        f"{port['name']} {port['type'].removeprefix('tensor(').removesuffix(')')} "
        + ",".join(str(size if isinstance(size, int) else -1) for size in port["shape"])
        for port in ports
    )
