"""What the commands on the index have in common."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.results.index import ResultsIndex, index_location
from loadscope.suite.results.opened import asked, opened

_Function = TypeVar("_Function", bound=Callable[..., Any])


def index_option(function: _Function) -> _Function:
    """``--index FILE``."""
    return click.option(
        "--index",
        "index_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The index's file. Default: LOADSCOPE_INDEX, else the user's.",
    )(function)


@contextlib.contextmanager
def the_index(given: Path | None, *, made: bool = False) -> Iterator[ResultsIndex]:
    """The index, for as long as the block lasts.

    Args:
        given: Its file, or None.
        made: Whether it is made where there is none.

    Raises:
        InputError: There is none, and none is to be made.
    """
    path = index_location(given)
    with progress_bars() as progress:
        opening = opened if made else asked
        with opening(path, say, progress) as index:
            yield index


def say(line: str) -> None:
    """Tell people something beside the output."""
    click.echo(line, err=True)
