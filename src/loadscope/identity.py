"""Which model a run was made with: the digest of every file that is loaded."""

import hashlib
from collections.abc import Mapping

from loadscope.rundir.record import ModelRecord


def model_sha256(files: Mapping[str, str]) -> str:
    """The digest of a model.

    It is that of its file, or of several the sha256 of the lines that ``sha256sum`` prints of
    them: ``sha256sum model.onnx model.onnx_data | sha256sum``.

    Args:
        files: The sha256 of each file by its name, relative to the model's folder, in order.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def model_difference(one: ModelRecord, other: ModelRecord) -> str:
    """That the models of two runs differ, in words; empty where they are the same.

    Args:
        one: Of a run. Of format 1 it has no ``files``: its ``sha256`` is that of the first alone.
        other: Another one's.
    """
    if one.sha256 == other.sha256:
        return ""
    for old, new in ((one, other), (other, one)):
        files = new.files or {}
        if old.files is None and len(files) > 1:
            first, *further = files
            if old.sha256 == files[first]:
                return (
                    "the models cannot be compared: one run has recorded the sha256 of "
                    f"{first} alone, without {_named(further)}"
                )
    both = [model.files or {} for model in (one, other)]
    changed = [name for name in {**both[0], **both[1]} if both[0].get(name) != both[1].get(name)]
    where = f" ({_named(changed)})" if max(map(len, both)) > 1 else ""
    return f"the model differs: sha256 {str(one.sha256)[:12]}… and {str(other.sha256)[:12]}…{where}"


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
