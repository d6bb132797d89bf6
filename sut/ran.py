"""What ran on a framework: the file beside its ``info.py`` that ``make test-frameworks`` writes."""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import BaseModel, ConfigDict

from loadscope.sut.info import BackendInfo

FILE = "ran.json"
"""In a framework's folder: by name of a backend of it a ``Ran``."""


class Ran(BaseModel):
    """LoadGen's scenarios of one model on one version of a framework, one worker, rehearsed.

    Attributes:
        model: The model.
        version: The framework's version; empty where it says none.
        samples: How many samples were answered in each scenario's accuracy test.
        right: How many of them were answered with the sample's class, in each scenario.
        valid: The scenarios that LoadGen called VALID, and whose every answer was that of ONNX
            Runtime.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: str
    samples: int
    right: int
    valid: tuple[str, ...]


def ran_file(info: BackendInfo) -> Traversable:
    """Where the file of a framework is or would be."""
    return files(info.location.partition(":")[0].rpartition(".")[0]) / FILE


def ran(info: BackendInfo) -> Ran | None:
    """What ran on a framework; None where nothing is known to have run."""
    try:
        found = json.loads(ran_file(info).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Ran.model_validate(found[info.name]) if info.name in found else None
