"""Where a framework keeps what it has compiled of a model for one device: ``cache/engines``."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from loadscope.files import write_json
from loadscope.in_use import keep
from loadscope.paths import cache_root

FACTS = "engine.json"
_KEY_LETTERS = 16


def engine_folder(maker: str, facts: Mapping[str, str | int | bool]) -> Path:
    """A folder for engines that all of some facts have made, held until this process ends.

    Args:
        maker: What compiles (``tensorrt``).
        facts: All that another engine would follow from: the digest of the model's files, the
            device, versions, settings. They are kept in the folder.

    Raises:
        InputError: The cache cannot be written to.
    """
    told = json.dumps({"maker": maker, **facts}, sort_keys=True)
    key = hashlib.sha256(told.encode()).hexdigest()[:_KEY_LETTERS]
    folder = cache_root() / "engines" / f"{maker}-{key}"
    keep(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FACTS, {"maker": maker, **facts})
    return folder
