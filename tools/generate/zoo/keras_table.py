"""Keras' table: its applications, as they are when they are built."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.tools.generate.zoo.tables import write_table

# What preprocess_input of a module does, in the words of keras.applications.imagenet_utils;
# in what is left out it does nothing, for the network begins with it.
_MODES = {
    "densenet": "torch",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet_v2": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "tf",
}


class _Address(Exception):
    """Thrown where Keras would fetch weights."""


def write(output: Path) -> int:
    """Write the table of all applications; returns how many rows it has."""
    import keras

    rows = list(_rows(keras))
    notes = [
        f"keras {keras.__version__} (keras.applications): names, sizes, parameters, addresses.",
        "Made by: python -m loadscope.tools.generate.zoo keras",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(keras: Any) -> Iterator[Mapping[str, object]]:
    for name in dir(keras.applications):
        make = getattr(keras.applications, name)
        if not name[0].isupper() or not callable(make):
            continue
        module = inspect.getmodule(inspect.unwrap(make))
        assert module is not None
        network = make(weights=None)
        yield {
            "name": name,
            "parameters": network.count_params(),
            # Some take any size; it is that of their weights then.
            "size": network.input_shape[1] or 224,
            "mode": _MODES.get(module.__name__.rpartition(".")[2], "none"),
            "weights": _address(make),
        }
        keras.backend.clear_session()


def _address(make: Any) -> str:
    from keras.src.utils import file_utils

    def get_file(*given: Any, origin: str = "", **_: Any) -> None:
        raise _Address(origin or given[1])

    own = file_utils.get_file
    file_utils.get_file = get_file
    try:
        make(weights="imagenet")
    except _Address as found:
        return str(found)
    finally:
        file_utils.get_file = own
    raise ValueError(f"{make.__name__} fetches no weights")
