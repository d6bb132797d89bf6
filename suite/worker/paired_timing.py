"""Work that is timed in another process, in turn with work in this one."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from loadscope.errors import WorkError

Timed = Callable[[], int]
"""Does the work once and tells how many nanoseconds it took."""


@contextlib.contextmanager
def other_process(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> Iterator[dict[str, Timed]]:
    """Start a process that ends in ``answer``; it ends with the context.

    Args:
        arguments: Python's, the module and its own.
        environment: The process's.

    Returns:
        The process's works by name, to be done one at a time.

    Raises:
        WorkError: The process ended; what it said is where this process's errors go.
    """
    with subprocess.Popen(
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:

        def ask(name: str) -> str:
            if process.stdin is None or process.stdout is None:
                raise TypeError("the process has no pipes")
            with contextlib.suppress(BrokenPipeError):
                print(name, file=process.stdin, flush=True)
            if said := process.stdout.readline():
                return said
            raise WorkError(
                f"the process {' '.join(arguments[:2])} ended before its work was done",
                "see what it said above, or in process.log",
            )

        def work(name: str) -> Timed:
            return lambda: int(ask(name))

        yield {name: work(name) for name in json.loads(ask(""))}


def answer(prepare: Callable[[], Mapping[str, Timed]]) -> None:
    """Do the works that standard input names, until it ends; an empty line asks for the names.

    Args:
        prepare: Makes the works; what it and they print goes to standard error.
    """
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        works = prepare()
        for line in sys.stdin:
            name = line.strip()
            print(works[name]() if name else json.dumps(list(works)), file=answers, flush=True)
