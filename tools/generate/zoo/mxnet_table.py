"""MXNet's table: the networks of Gluon's model zoo."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.tools.generate.zoo.tables import write_table


def write(output: Path) -> int:
    """Write the table of all networks; returns how many rows it has."""
    mxnet = import_mxnet(1)
    rows = list(_rows(mxnet))
    notes = [
        f"mxnet {mxnet.__version__} (gluon.model_zoo.vision): names, parameters, and the sha1 of",
        "each file of parameters, of which its address is made.",
        "Made by: python -m loadscope.tools.generate.zoo mxnet",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(mxnet: Any) -> Iterator[Mapping[str, object]]:
    from mxnet.gluon.model_zoo import model_store, vision

    for name in _names(vision):
        size = 299 if name.startswith("inception") else 224
        network = vision.get_model(name)
        network.initialize()
        network(mxnet.nd.zeros((1, 3, size, size)))
        count = sum(int(np.prod(one.shape)) for one in network.collect_params().values())
        file = f"{name}-{model_store.short_hash(name)}.zip"
        yield {
            "name": name,
            "parameters": count,
            "size": size,
            "sha1": model_store._model_sha1[name],
            "weights": f"{model_store.apache_repo_url}gluon/models/{file}",
        }


def _names(vision: Any) -> list[str]:
    """The keys of the table inside ``get_model``, which its message of an unknown one lists."""
    try:
        vision.get_model("")
    except ValueError as error:
        return sorted(str(error).split("\n\t")[1:])
    raise ValueError(f"{inspect.getfile(vision)} has a model without a name")
