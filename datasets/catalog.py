"""The data sets that are known, how each is got, and how it lies in its folder."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PositiveInt,
    TypeAdapter,
)

from loadscope.datasets.adapters.adapter import Adapter
from loadscope.datasets.adapters.registry import form_of, form_record
from loadscope.datasets.registry import task, task_names
from loadscope.errors import InputError, LoadScopeError, WorkError, near
from loadscope.strict_yaml import SafeLoader, line_of, read_yaml

Form = Annotated[
    Any,
    BeforeValidator(lambda given: given if given is None else form_of(given)),
    PlainSerializer(lambda form: form if form is None else form_record(form)),
]
"""Settings of an adapter, by its key ``adapter``; None where the task's own form will do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PackagedFile(_Strict):
    """A file of a package: its path there, and its checksum, whoever built the package."""

    path: str
    sha256: str


class CatalogEntry(_Strict):
    """What is known of a data set.

    Attributes:
        title: For people.
        task: The name of the task that reads it.
        folder: Where the file is that it stands in.
        samples: How many samples the whole of it has; None where nobody has counted.
        classes: Labels are below this number; None where the model says.
        licence: Of the data.
        homepage: Where it comes from.
        obtain: What the user does to have it: a command, or steps by hand.
        layout: The files of its folder.
        form: How samples and labels lie there, as settings of an adapter.
        metric: What answers are scored by.
        bytes: What is downloaded; None where that is not known.
        source: Where the suite fetches it (``<registry>:<name>==<version>``) or has it
            (``package:<folder beside the catalog>``); None where the user has to fetch it.
        files: Of a package, the files that make its folder, by their names there. Empty: the
            task unpacks it.
        sha256: The checksum of what ``source`` gives; None where each file has its own.
        path: The folder of a user's own data set.
    """

    title: str
    task: str
    folder: Annotated[Path, Field(exclude=True, strict=False)]
    samples: PositiveInt | None = None
    classes: PositiveInt | None = None
    licence: str = "not stated"
    homepage: str = ""
    obtain: str
    layout: str = ""
    form: Form = None
    metric: str = ""
    bytes: PositiveInt | None = None
    source: str | None = None
    files: dict[str, PackagedFile] = {}
    sha256: str | None = None
    path: Annotated[Path | None, Field(strict=False)] = None

    def shipped(self) -> Path | None:
        """The folder of a data set that needs no fetching: of the package, or the user's own."""
        if self.path is not None:
            return self.path
        scheme, _, folder = (self.source or "").partition(":")
        return self.folder / folder if scheme == "package" else None


def _known_task(name: str) -> str:
    try:
        return task(name).name
    except LoadScopeError as error:
        raise ValueError(f"{error.message}; {error.fix}") from error


def _known_form(form: Adapter | None, name: str) -> None:
    types = task(name).form_types
    if form is not None and not isinstance(form, types):
        known = ", ".join(one.__name__ for one in types) or "its own form alone"
        raise ValueError(f"form: the task {name} reads {known}")


class OwnDataset(_Strict):
    """A data set of the user's: an entry of a file that ``--datasets`` names.

    Attributes:
        task: The name of the task that reads it.
        path: Its folder, or file; relative to the file that the entry stands in.
        form: As in ``CatalogEntry``, as the others.
    """

    task: Annotated[str, AfterValidator(_known_task)]
    path: str
    title: str = ""
    samples: PositiveInt | None = None
    classes: PositiveInt | None = None
    licence: str = "not stated"
    form: Form = None
    metric: str = ""

    def model_post_init(self, context: Any) -> None:
        """Check that the task reads the form.

        Raises:
            ValueError: It does not.
        """
        _known_form(self.form, self.task)


class DatasetFile(_Strict):
    """A whole file of ``--datasets``."""

    version: Literal[1] = Field(alias="schema")
    datasets: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], OwnDataset]


@cache
def catalog_of(name: str) -> dict[str, CatalogEntry]:
    """The data sets of one task, by name."""
    path = task(name).catalog
    return {} if path is None else _read(path, name)


def _read(path: Path, name: str) -> dict[str, CatalogEntry]:
    entries = yaml.load(path.read_text(encoding="utf-8"), SafeLoader)
    given = {"folder": path.resolve().parent, "task": name}
    return TypeAdapter(dict[str, CatalogEntry]).validate_python(
        {data_set: {**entry, **given} for data_set, entry in entries.items()}
    )


@cache
def catalog() -> dict[str, CatalogEntry]:
    """The data sets of all tasks, by name.

    Raises:
        WorkError: Two tasks have a data set of one name.
    """
    found: dict[str, CatalogEntry] = {}
    for each in map(catalog_of, task_names()):
        for data_set, entry in each.items():
            if data_set in found:
                raise WorkError(
                    f"the tasks {found[data_set].task} and {entry.task} both have a data set "
                    f"'{data_set}'",
                    "uninstall one of them, or rename the data set in its catalog",
                )
            found[data_set] = entry
    return found


def catalog_with(files: Iterable[Path]) -> Mapping[str, CatalogEntry]:
    """The known data sets and those of the user's files.

    Raises:
        InputError: A file cannot be read or does not fit, or gives an id a second time.
    """
    found = dict(catalog())
    for path in dict.fromkeys(files):
        for name, own in read_datasets(path).items():
            if name in found:
                raise InputError(
                    f"{line_of(path, 'datasets', name)}: datasets.{name}: duplicate id",
                    "give it another id",
                )
            found[name] = own
    return found


def read_datasets(path: Path) -> dict[str, CatalogEntry]:
    """The data sets of a user's file; their folders start from the file's.

    Raises:
        InputError: It cannot be read or does not fit; the message names file, line and key.
    """
    folder = path.absolute().parent
    return {
        name: CatalogEntry(
            title=own.title or name,
            task=own.task,
            folder=folder,
            samples=own.samples,
            classes=own.classes,
            licence=own.licence,
            obtain="nothing to do: it is the user's own",
            form=None if own.form is None else form_record(own.form),
            metric=own.metric,
            path=(folder / Path(own.path).expanduser()).absolute(),
        )
        for name, own in read_yaml(path, DatasetFile).datasets.items()
    }


def catalog_entry(name: str, files: Iterable[Path] = ()) -> CatalogEntry:
    """Look a data set up by name.

    Args:
        name: Its id.
        files: The user's files of data sets.

    Raises:
        InputError: There is none of that name; the message lists the known ones.
    """
    known = catalog_with(files)
    try:
        return known[name]
    except KeyError:
        raise InputError(
            f"unknown data set '{name}'",
            f"{near(name, known)}use one of: {', '.join(known)}; or add it with --datasets FILE",
        ) from None
