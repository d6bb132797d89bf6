"""``loadscope results mark``."""

from pathlib import Path

import click

from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.results.marks import Kind, Mark, author
from loadscope.suite.results.scan import mark_run


@click.command(
    "mark",
    epilog="\b\nExample:\n  loadscope results mark 3f2a --hide --comment 'the fan was broken'",
)
@click.argument("run")
@click.option("--baseline", "kind", flag_value="baseline", help="The baseline begins here.")
@click.option("--hide", "kind", flag_value="hide", help="Leave it out of lists and medians.")
@click.option("--show", "kind", flag_value="show", help="Take --hide back.")
@click.option("--comment", default="", help="What to say of it.")
@index_option
def command(run: str, kind: Kind | None, comment: str, index_file: Path | None) -> None:
    """Say something of RUN: a folder, or the first letters of its identity.

    It is a line in loadscope-marks.jsonl beside the runs, which is only ever added to: it goes
    with the runs, and outlives the index. Nothing is deleted.
    """
    if kind is None and not comment:
        raise click.UsageError("say --baseline, --hide, --show or --comment TEXT")
    with the_index(index_file) as index:
        mark = Mark(kind=kind or "comment", target="", author=author(), text=comment)
        click.echo(f"marked in {mark_run(index, run, mark)}")
