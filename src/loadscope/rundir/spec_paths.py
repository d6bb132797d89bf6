"""The paths of a spec: kept so that what a run began with is found from every folder."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from loadscope.shipped import is_shipped


def folder_named(text: str) -> Path | None:
    """The folder that a ``dataset_path`` is; None where it is the id of a data set."""
    path = Path(text).expanduser()
    return path if path.exists() or "/" in text else None


def dataset_named(text: str) -> tuple[str, Path | None]:
    """The id and the folder of a ``dataset_path``: a folder, an id, or ``ID=FOLDER``.

    Returns:
        An empty id where a folder alone is named, no folder where an id alone is.
    """
    name, equals, folder = text.partition("=")
    if equals and "/" not in name and not Path(text).expanduser().exists():
        return name, Path(folder).expanduser()
    found = folder_named(text)
    return ("", found) if found is not None else (text, None)


def absolute_dataset(text: str) -> str:
    """A ``dataset_path`` whose folder is found from every folder."""
    name, folder = dataset_named(text)
    if folder is None:
        return name
    return f"{name}={folder.absolute()}" if name else str(folder.absolute())


HerePath = Annotated[Path, AfterValidator(Path.absolute)]
ManifestPath = Annotated[
    Path, AfterValidator(lambda path: path if is_shipped(path) else path.absolute())
]
DatasetPath = Annotated[str, AfterValidator(absolute_dataset)]
