"""The entry of a trained network of transformers, of what its repository on the hub says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import classifier, images, program, reader, resized, weights
from loadscope.suite.models.zoo.family import PERMISSIVE

CONFIG, PREPROCESSOR, TOKENIZER = (
    "config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
)
CARD, VOCABULARY, WEIGHTS = "README.md", "vocab.txt", "model.safetensors"

_IMAGES = "image-classification"
# Of a configuration: what is no setting of the network, or what the entry says itself.
_NO_SETTINGS = (
    "_name_or_path", "architectures", "dtype", "finetuning_task", "id2label", "label2id",
    "model_type", "num_labels", "problem_type", "torch_dtype", "transformers_version",
)  # fmt: skip
# Networks whose tokenizer is BERT's.
_WORDPIECE = ("Bert", "ConvBert", "DistilBert", "Electra", "MobileBert", "SqueezeBert")
# Image processors to which a size without more is that of the short side; to others of both.
_SHORT_SIDE = ("Bit", "CLIP", "ConvNext", "MobileNetV1", "MobileNetV2", "MobileViT", "PoolFormer")
# Image processors that resize otherwise than bilinearly where nothing is said.
_BICUBIC = ("Beit", "Bit", "CLIP", "DeiT", "PoolFormer")
# Numbers of Pillow's filters.
_RESAMPLERS = {2: "pillow-bilinear", 3: "pillow-bicubic"}
# ConvNextImageProcessor: the part of a side that is left, and the side from which none is cut.
_CROP_PCT, _UNCUT = 224 / 256, 384


@dataclass(frozen=True)
class Repository:
    """What is read of a repository.

    Attributes:
        name: ``owner/name``.
        revision: A commit, tag or branch.
        config: ``config.json``.
        processor: ``preprocessor_config.json`` of a classifier, ``tokenizer_config.json`` of a
            reader.
        licence: SPDX identifier, or what the repository calls it.
        vocabulary_sha256: Of a reader's vocabulary.
    """

    name: str
    revision: str
    config: Mapping[str, Any]
    processor: Mapping[str, Any]
    licence: str
    vocabulary_sha256: str = ""

    def file(self, member: str) -> str:
        """The source of a file of it."""
        return f"hub:{self.name}@{self.revision}#{member}"


def network_of(name: str, config: Mapping[str, Any], rows: Mapping[str, Mapping[str, str]]) -> str:
    """The class of a repository's network, which is one of the family's table.

    Raises:
        InputError: It is none of them.
    """
    classes = config.get("architectures")
    found = classes[0] if isinstance(classes, list) and classes else None
    if found not in rows:
        raise InputError(
            f"transformers/{name}: {CONFIG}: expected architectures to name a classifier of images "
            f"or a reader of questions, got {found}",
            "loadscope models --family transformers lists the classes; for another network export "
            "it to ONNX and give the file with --model FILE",
        )
    return str(found)


def hub_entry(given: Repository, network: str, row: Mapping[str, str]) -> dict[str, Any]:
    """The entry of a repository's model, as it would stand in ``models.yaml``.

    Args:
        given: What its repository says.
        network: The class of the network.
        row: The class in the family's table.

    Raises:
        InputError: Its preprocessing is none that LoadScope does.
    """
    keys = {
        "architecture": network,
        "settings": {
            name: value for name, value in given.config.items() if name not in _NO_SETTINGS
        },
        **weights(given.file(WEIGHTS)),
    }
    if row["task"] == _IMAGES:
        return _classifier(given, network, keys)
    return _reader(given, row["inputs"].split(), keys)


def licence_of(card: str) -> str:
    """The licence that a model's card names in its first lines; ``unknown`` where it does not."""
    lines = card.splitlines()
    if not lines or lines[0].strip() != "---":
        return "unknown"
    for line in lines[1:]:
        if line.strip() == "---":
            break
        key, _, value = line.partition(":")
        if key == "license" and value.strip():
            name = value.strip().strip("'\"")
            return {one.casefold(): one for one in PERMISSIVE}.get(name.casefold(), name)
    return "unknown"


def _classifier(given: Repository, network: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    how = _preprocess(given, network)
    labels = given.config.get("id2label") or {}
    # The library's own default.
    classes = len(labels) or int(given.config.get("num_labels", 2))
    tensors = images(how["size"], "pixel_values")
    tensors["outputs"] = {"logits": {"dtype": "float32", "shape": [classes]}}
    made = program("build:transformers", tensors, **keys)
    entry = classifier(f"{given.name} (hub)", given.licence, how, made, output="logits")
    # Others may count a thousand classes of their own.
    if classes != 1000 or not str(labels.get("0", "")).startswith("tench"):
        entry |= {"classes": classes, "dataset": ""}
    return entry


def require_wordpiece(given: Repository, network: str) -> None:
    """Check that a reader's tokenizer is one that LoadScope has.

    Raises:
        InputError: It is another.
    """
    if network.partition("For")[0] not in _WORDPIECE or not given.processor.get(
        "do_lower_case", True
    ):
        raise InputError(
            f"transformers/{given.name}: its tokenizer is not BERT's in lower case, the one that "
            "LoadScope has",
            f"take a model of one of: {', '.join(_WORDPIECE)} (uncased)",
        )


def _reader(given: Repository, inputs: list[str], keys: Mapping[str, Any]) -> dict[str, Any]:
    spans = ("start_logits", "end_logits")
    tensors = {
        "inputs": {one: {"dtype": "int64", "shape": [-1]} for one in inputs},
        "outputs": {one: {"dtype": "float32", "shape": [-1]} for one in spans},
    }
    made = program("build:transformers", tensors, **keys)
    entry = reader(f"{given.name} (hub)", given.licence, made, spans, trained=True)
    window = min(384, int(given.config.get("max_position_embeddings", 512)))
    entry["preprocess"] |= {
        "vocabulary": given.file(VOCABULARY),
        "sha256": given.vocabulary_sha256,
        "window": window,
    }
    return entry


def _preprocess(given: Repository, network: str) -> dict[str, Any]:
    """What a repository's image processor does, of what LoadScope does."""
    said = given.processor
    # ResNets and others have ConvNeXt's.
    kind = str(said.get("image_processor_type") or said.get("feature_extractor_type") or network)

    def refuse(key: str, expected: str) -> InputError:
        return InputError(
            f"transformers/{given.name}: {PREPROCESSOR}: {key}: expected {expected}, "
            f"got {said.get(key)}",
            "write an entry of your own: loadscope models show MODEL of a like one, then "
            "--models FILE",
        )

    if not said.get("do_resize", True) or not said.get("do_rescale", True):
        raise refuse("do_resize", "images to be resized and rescaled")
    if abs(255 * float(said.get("rescale_factor", 1 / 255)) - 1) > 1e-3:
        raise refuse("rescale_factor", "1/255")
    resampler = _RESAMPLERS.get(said.get("resample", 3 if kind.startswith(_BICUBIC) else 2))
    if resampler is None:
        raise refuse("resample", "2 or 3")
    resize, short = _side(said.get("size", 224), kind)
    if resize is None:
        raise refuse("size", "a square or a short side")
    size = resize
    if kind.startswith("ConvNext"):
        # It cuts what it is asked for out of a larger picture.
        cut = short and resize < _UNCUT
        resize = int(resize / (said.get("crop_pct") or _CROP_PCT)) if cut else resize
        short = bool(cut)
    elif said.get("do_center_crop"):
        crop, _ = _side(said.get("crop_size", 224), "")
        if crop is None:
            raise refuse("crop_size", "a square")
        size = crop
    elif short:
        raise refuse("do_center_crop", "true, where a short side is resized")
    mean, std = said.get("image_mean"), said.get("image_std")
    if not said.get("do_normalize", mean is not None):
        mean, std = (0, 0, 0), (1, 1, 1)
    if mean is None or std is None:
        raise refuse("image_mean", "three numbers")
    return resized(
        size,
        resize,
        resampler,
        [255 * float(one) for one in mean],
        [255 * float(one) for one in std],
        "resize-then-crop" if short else "squash",
        "bgr" if said.get("do_flip_channel_order") else "rgb",
    )


def _side(size: Any, kind: str) -> tuple[int | None, bool]:
    """A side in pixels, None where there is not one; and whether it is only the short one's."""
    if isinstance(size, int):
        return size, kind.startswith(_SHORT_SIDE)
    if isinstance(size, dict) and "shortest_edge" in size:
        return int(size["shortest_edge"]), True
    if isinstance(size, dict) and size.get("height") == size.get("width") is not None:
        return int(size["height"]), False
    return None, False
