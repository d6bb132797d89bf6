"""Names and paths in a spec: what is an id, what is a file, and where it is from every folder."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from loadscope.devices import canonical
from loadscope.names import Mode, Scenario
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


def _absolute_dataset(text: str) -> str:
    name, folder = dataset_named(text)
    if folder is None:
        return name
    return f"{name}={folder.absolute()}" if name else str(folder.absolute())


def file_named(text: str) -> Path | None:
    """The file or folder that a ``model`` is; None where it is the id of a model.

    A folder, or a file that is not there, is one where it begins with ``./``, ``../``, ``/`` or
    ``~``: an id may have a slash in it.
    """
    path = Path(text).expanduser()
    begins = text.startswith(("./", "../", "/", "~")) or text in (".", "..")
    return path if begins or path.is_file() else None


def _absolute_model(text: str) -> str:
    path = file_named(text)
    return text if path is None else str(path.absolute())


def model_id(model: str) -> str:
    """The id of a spec's model: itself, or for a file one that is made of its name."""
    path = file_named(model)
    if path is None:
        return model
    name = path.stem if path.suffix and not path.is_dir() else path.name
    name = name.removesuffix("-symbol")
    return re.sub(r"[^a-z0-9._-]+", "-", name.casefold()).lstrip("._-") or "model"


def _absolute_named(text: str) -> str:
    """A file made absolute where there is one; otherwise a name, for the task to know."""
    path = Path(text).expanduser()
    return str(path.absolute()) if "/" in text or path.is_file() else text


# What a run began with is found from every folder.
HerePath = Annotated[Path, AfterValidator(Path.absolute)]
ManifestPath = Annotated[
    Path, AfterValidator(lambda path: path if is_shipped(path) else path.absolute())
]
DatasetPath = Annotated[str, AfterValidator(_absolute_dataset)]
ModelName = Annotated[str, AfterValidator(_absolute_model)]
NameOrFile = Annotated[str, AfterValidator(_absolute_named)]

LAYOUT_SECONDS = 20.0
LAYOUT_VARIABLE = "LOADSCOPE_LAYOUT_SECONDS"
"""The environment variable with another default of ``layout_seconds``."""
LAYOUT_WORDS = ("auto", "fresh")


def _absolute_layout(text: str) -> str:
    return text if text in LAYOUT_WORDS else str(Path(text).expanduser().absolute())


LayoutChoice = Annotated[str, AfterValidator(_absolute_layout)]


def _address(text: str) -> str:
    """A SUT's address without a slash at its end; what is secret has no place in it."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        extra = parts.query or parts.fragment or parts.username is not None
        fits = fits and not extra and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT")
    return text.rstrip("/")


SutAddress = Annotated[str, AfterValidator(_address)]

_Name = TypeVar("_Name", bound=StrEnum)


def _in_any_case(kind: type[_Name]) -> BeforeValidator:
    """Take a name however it is capitalised."""
    by_folded = {str(one).casefold(): one for one in kind}
    return BeforeValidator(
        lambda value: by_folded.get(value.casefold(), value) if isinstance(value, str) else value
    )


DeviceName = Annotated[str, AfterValidator(canonical)]
AnyScenario = Annotated[Scenario, _in_any_case(Scenario)]
AnyMode = Annotated[Mode, _in_any_case(Mode)]
