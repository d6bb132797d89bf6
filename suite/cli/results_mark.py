"""``loadscope results mark``."""

from pathlib import Path
from typing import get_args

import click

from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.results.marks import Kind, Mark, author
from loadscope.suite.results.scan import mark_run


@click.command(
    "mark",
    epilog="\b\nExample:\n  loadscope results mark 3f2a --hide --comment 'the fan was broken'",
)
@click.argument("run")
@click.option("--baseline", is_flag=True, help="The baseline begins here.")
@click.option("--hide", is_flag=True, help="Leave it out of lists and medians.")
@click.option("--show", is_flag=True, help="Take --hide back.")
@click.option("--comment", default="", help="What to say of it.")
@index_option
def command(run: str, comment: str, index_file: Path | None, **flags: bool) -> None:
    """Say something of RUN: a folder, or the first letters of its identity.

    It is a line in loadscope-marks.jsonl beside the runs, which is only ever added to: it goes
    with the runs, and outlives the index. Nothing is deleted.
    """
    kinds: list[Kind] = [kind for kind in get_args(Kind) if flags.get(kind)]
    if len(kinds) > 1:
        raise click.UsageError("say one of --baseline, --hide and --show")
    if not kinds and not comment:
        raise click.UsageError("say --baseline, --hide, --show or --comment TEXT")
    with the_index(index_file) as index:
        kind = kinds[0] if kinds else "comment"
        mark = Mark(kind=kind, target="", author=author(), text=comment)
        click.echo(f"marked in {mark_run(index, run, mark)}")
