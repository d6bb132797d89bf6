"""The files of a model in OpenVINO's own format, told without OpenVINO."""

from pathlib import Path


def weights(path: Path) -> list[Path]:
    """The weights beside an ``.xml`` file; none where the model has none.

    Args:
        path: The file with the graph.
    """
    beside = path.with_suffix(".bin")
    return [beside] if beside.exists() else []
