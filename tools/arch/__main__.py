"""``make test-arch``: the suite on an emulated machine of another instruction set."""

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
from loadscope.suite.fetch.cache import EMULATED
from loadscope.tools.arch.architecture import ARCHITECTURES
from loadscope.tools.arch.checks import LEFT_OUT, PARTS, CheckRow
from loadscope.tools.arch.lane import Lane
from loadscope.tools.arch.natives import ensure_natives
from loadscope.tools.arch.root import ensure_root


@click.command()
@click.argument("architecture", type=click.Choice(sorted(ARCHITECTURES)))
@click.option("--output", type=click.Path(path_type=Path), help="Write the rows as JSON too.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Only this; repeat for several.",
)
def main(architecture: str, output: Path | None, parts: tuple[str, ...]) -> None:
    """Run the core tests and real LoadGen runs emulated, and compare with this host.

    The root of the architecture is kept in the user's cache (about 2 GB). Ends with status 1 if a
    check does not hold, and with 0 and a message where the packages cannot be had.

    \b
    Example:
      python -m loadscope.tools.arch s390x --output z.json
      python -m loadscope.tools.arch arm64 --part machine --part byte-order
    """
    # The first resolves the link src/loadscope/tools, the second goes up to the checkout.
    repository = Path(loadscope.__file__).resolve().parents[2]
    cache, chosen = cache_root(), ARCHITECTURES[architecture]
    # Beside pip's cache whatever the suite's own is: the root takes minutes and never changes.
    folder = (
        Path(platformdirs.user_cache_dir("loadscope", appauthor=False)) / EMULATED / architecture
    )
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    rows: list[CheckRow] = []
    # Of two at once the second waits: they would check in the same root.
    with progress_bars() as progress, FileLock(folder / "lock"):
        log.write_bytes(b"")
        try:
            require_tools(log, chosen.tools)
            progress(f"{architecture} root", 0, 0)
            root = ensure_root(chosen, folder, log)
            progress(f"LoadGen and pycocotools for {architecture}", 0, 0)
            natives = ensure_natives(folder, root, log)
        except WorkError as error:
            click.echo(f"test-arch {architecture}: skipped: {error}")
            return
        logs = Path(tempfile.mkdtemp(prefix="logs-", dir=folder))
        lane = Lane(root, natives, repository, cache, logs, progress)
        for row in lane.rows(parts or PARTS):
            rows.append(row)
            said = "passed" if row.passed else f"FAILED ({row.detail})"
            click.echo(f"test-arch {architecture}: {said}: {row.check}", err=True)
    table = Table("check", f"on {architecture}", "detail", "seconds")
    for row in rows:
        passed = "passed" if row.passed else "failed"
        add_plain_row(table, row.check, passed, row.detail, f"{row.seconds:.0f}")
    for part in PARTS if parts else ():
        if part not in parts:
            add_plain_row(table, part, "not run", "not chosen by --part", "")
    for what, why in LEFT_OUT.items():
        add_plain_row(table, what, "not run", why, "")
    print_table(table)
    if output is not None:
        write_json(output, [asdict(row) for row in rows])
    held = sum(row.passed for row in rows)
    click.echo(f"test-arch {architecture}: {held} of {len(rows)} hold; logs in {logs}")
    if not all(row.passed for row in rows):
        sys.exit(1)


def require_tools(log: Path, tools: dict[str, str]) -> None:
    """Have the programs that the lane takes, by Debian's packages where they are missing.

    Args:
        log: Takes what the package manager says.
        tools: The programs, and the packages with them.

    Raises:
        WorkError: This is not root, or a package cannot be had.
    """
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
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
        click.echo(f"test-arch: {error}", err=True)
        sys.exit(1)
