"""torchvision's table: what the library says of its weights."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.tools.build.zoo.torchvision_names import define_operators
from loadscope.tools.generate.zoo.tables import write_table

_TASKS = {
    "ImageClassification": "image-classification",
    "ObjectDetection": "object-detection",
    "SemanticSegmentation": "semantic-segmentation",
    "VideoClassification": "video-classification",
    "OpticalFlow": "optical-flow",
}
# What the weights' own licence file says, where the weights name one.
_LICENCES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "CC-BY-NC-4.0"}


def write(output: Path) -> int:
    """Write the table of all weights in float32; returns how many rows it has."""
    define_operators()
    import torchvision

    rows = list(_rows(torchvision.models))
    notes = [
        f"torchvision {torchvision.__version__.partition('+')[0]}: names, preprocessing, published",
        "accuracies and addresses of weights, as the library's classes of weights tell them.",
        "Made by: python -m loadscope.tools.generate.zoo torchvision",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(models: Any) -> Iterator[Mapping[str, object]]:
    for name in models.list_models():
        if name.startswith("quantized_"):
            continue
        for weights in models.get_model_weights(name):
            meta, transforms = weights.meta, weights.transforms()
            task = _TASKS[type(transforms).__name__]
            if weights.name.endswith("_FEATURES"):
                # Without a classifier.
                continue
            row = dict.fromkeys(("size", "short_side", "resampler", "mean", "std", "top1"), "")
            if task == "image-classification":
                row = {
                    "size": transforms.crop_size[0],
                    "short_side": transforms.resize_size[0],
                    "resampler": f"pillow-{transforms.interpolation.value}",
                    "mean": " ".join(f"{value * 255:g}" for value in transforms.mean),
                    "std": " ".join(f"{value * 255:g}" for value in transforms.std),
                    "top1": meta["_metrics"]["ImageNet-1K"]["acc@1"],
                }
            yield {
                "name": f"{name}.{weights.name}",
                "task": task,
                "parameters": meta["num_params"],
                "licence": _LICENCES.get(meta.get("license", ""), "BSD-3-Clause"),
                "classes": len(meta.get("categories") or ()),
                **row,
                "weights": weights.url,
            }
