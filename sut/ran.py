"""What ran on a framework: the file beside its ``info.py`` that ``make test-frameworks`` writes."""

import importlib.util
import json
from pathlib import Path

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


def ran_file(info: BackendInfo) -> Path | None:
    """Where the file of a framework is or would be, found without importing the framework.

    None where the framework's package is not here.
    """
    package = info.location.partition(":")[0].rpartition(".")[0]
    try:
        found = importlib.util.find_spec(package) if package else None
    except ModuleNotFoundError:
        return None
    folders = found and found.submodule_search_locations
    return Path(folders[0], FILE) if folders else None


def ran(info: BackendInfo) -> Ran | None:
    """What ran on a framework; None where nothing is known to have run."""
    path = ran_file(info)
    if path is None or not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Ran.model_validate(found[info.name]) if info.name in found else None
