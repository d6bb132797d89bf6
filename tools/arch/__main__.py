"""``make test-z``: the suite on an emulated IBM Z."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
import platformdirs
from filelock import FileLock
from rich.table import Table

import loadscope
from loadscope.errors import LoadScopeError, WorkError
from loadscope.files import write_json
from loadscope.paths import cache_root
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.tools.arch.checks import LEFT_OUT, CheckRow
from loadscope.tools.arch.lane import Lane
from loadscope.tools.arch.natives import ensure_natives
from loadscope.tools.arch.root import ensure_root

_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "qemu-s390x-static": "qemu-user-static",
    "s390x-linux-gnu-g++": "g++-s390x-linux-gnu",
}


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write the rows as JSON too.")
def main(output: Path | None) -> None:
    """Run the core tests and real LoadGen runs on emulated s390x, and compare with this host.

    The s390x root is kept in the suite's cache (about 2 GB). Ends with status 1 if a check does
    not hold, and with 0 and a message where the packages cannot be had.

    \b
    Example:
      python -m loadscope.tools.arch --output z.json
    """
    # The first resolves the link src/loadscope/tools, the second goes up to the checkout.
    repository = Path(loadscope.__file__).resolve().parents[2]
    cache = cache_root()
    # Beside pip's cache whatever the suite's own is: the root takes minutes and never changes.
    folder = Path(platformdirs.user_cache_dir("loadscope", appauthor=False)) / "z"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    rows: list[CheckRow] = []
    # Of two at once the second waits: they would check in the same root.
    with progress_bars() as progress, FileLock(folder / "lock"):
        log.write_bytes(b"")
        try:
            _require_tools(log)
            progress("s390x root", 0, 0)
            root = ensure_root(folder, log)
            progress("LoadGen and pycocotools for s390x", 0, 0)
            natives = ensure_natives(folder, root, log)
        except WorkError as error:
            click.echo(f"test-z: skipped: {error}")
            return
        logs = Path(tempfile.mkdtemp(prefix="logs-", dir=folder))
        lane = Lane(root, natives, repository, cache, logs, progress)
        for row in lane.rows():
            rows.append(row)
            said = "passed" if row.passed else f"FAILED ({row.detail})"
            click.echo(f"test-z: {said}: {row.check}", err=True)
    table = Table("check", "on s390x", "detail", "seconds")
    for row in rows:
        passed = "passed" if row.passed else "failed"
        add_plain_row(table, row.check, passed, row.detail, f"{row.seconds:.0f}")
    for what, why in LEFT_OUT.items():
        add_plain_row(table, what, "not run", why, "")
    print_table(table)
    if output is not None:
        write_json(output, [asdict(row) for row in rows])
    click.echo(f"test-z: {sum(row.passed for row in rows)} of {len(rows)} hold; logs in {logs}")
    if not all(row.passed for row in rows):
        sys.exit(1)


def _require_tools(log: Path) -> None:
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if os.geteuid() != 0:
        raise WorkError("only root may change its root directory", "run it as root in a container")
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise WorkError(f"not installed: {', '.join(missing)}", "install them")
    with log.open("ab") as said:
        for command in (["apt-get", "update"], install):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        if done.returncode:
            raise WorkError(f"cannot install {', '.join(missing)}", f"see {log}")


if __name__ == "__main__":
    try:
        main()
    except LoadScopeError as error:
        click.echo(f"test-z: {error}", err=True)
        sys.exit(1)
