"""Finding run directories below the paths of a command line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from loadscope.errors import InputError
from loadscope.rundir.directory import RUN_FILE

_LEVELS = 2


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """List the run directories among ``paths`` and up to two levels below them.

    A directory that two paths lead to is listed once.

    Raises:
        InputError: A path does not exist, cannot be read, or holds no run directory.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            wrong = "is a file" if path.exists() else "does not exist"
            raise InputError(f"{path} {wrong}", "give a run directory, or a folder of them")
        try:
            runs = list(_search(path, _LEVELS))
        except OSError as error:
            raise InputError(
                f"cannot read {error.filename}: {error.strerror}", "check its permissions"
            ) from error
        if not runs:
            raise InputError(
                f"no run directory (a folder with {RUN_FILE}) in {path} or two levels below it",
                "give the folder that loadscope run wrote",
            )
        for run in runs:
            found.setdefault(run.resolve(), run)
    return list(found.values())


def _search(path: Path, levels: int) -> Iterator[Path]:
    if (path / RUN_FILE).is_file():
        yield path
    elif levels:
        for child in sorted(path.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from _search(child, levels - 1)
