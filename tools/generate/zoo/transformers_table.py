"""transformers' table: the classes that a task of LoadScope can drive, by their names."""

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from loadscope.tools.generate.zoo.tables import write_table

_TEXT = ("input_ids", "attention_mask", "token_type_ids")
# Of the vocabulary that LoadScope's tokeniser has.
_VOCABULARY = 30522
# The sizes of small published members, for networks that are quick to try.
_TINY_VIT = {"hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3}
_TINY_BERT = {
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
}
_TINY = {
    "ViTForImageClassification": _TINY_VIT,
    "DeiTForImageClassification": _TINY_VIT,
    "BertForQuestionAnswering": _TINY_BERT,
    "ElectraForQuestionAnswering": _TINY_BERT,
}


def write(output: Path) -> int:
    """Write the table; returns how many rows it has."""
    import transformers

    rows = list(_rows(transformers))
    notes = [
        f"transformers {transformers.__version__}: classes, and what their configurations build.",
        "Made by: python -m loadscope.tools.generate.zoo transformers",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(library: Any) -> Iterator[Mapping[str, object]]:
    from transformers.models.auto import modeling_auto as auto

    for task, mapping in (
        ("image-classification", auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES),
        ("question-answering", auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES),
    ):
        names = {one for value in mapping.values() for one in _several(value)}
        for name in sorted(names):
            for ending, settings in (("", {}), (".tiny", _TINY.get(name))):
                if settings is not None and (row := _row(library, task, name, settings)):
                    yield {"name": f"{name}{ending}", **row}


def _several(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


def _row(
    library: Any, task: str, name: str, settings: Mapping[str, int]
) -> Mapping[str, object] | None:
    """A class as it is by default; None for one that cannot be built so, or takes other inputs."""
    try:
        kind = getattr(library, name)
        config = kind.config_class()
        settings = dict(settings)
        if task == "question-answering":
            if not {"vocab_size"} <= config.to_dict().keys():
                return None
            settings["vocab_size"] = _VOCABULARY
        # Two scores a token, or ImageNet's classes.
        labels = 1000 if task == "image-classification" else 2
        config = kind.config_class(num_labels=labels, **settings)
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            network = kind(config)
    except Exception as error:  # What a class raises without its own settings is its own.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        print(f"left out: {name}: {first}")
        return None
    taken = inspect.signature(network.forward).parameters
    size = getattr(config, "image_size", 224)
    square = size if isinstance(size, int) else size[0]
    if task == "image-classification" and ("pixel_values" not in taken or "input_ids" in taken):
        return None
    return {
        "task": task,
        "parameters": sum(one.numel() for one in network.parameters()),
        "size": square if task == "image-classification" else 384,
        "inputs": " ".join(
            ("pixel_values",)
            if task == "image-classification"
            else [one for one in _TEXT if one in taken]
        ),
        "settings": json.dumps(settings) if settings else "",
    }
