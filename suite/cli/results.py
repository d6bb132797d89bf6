"""``loadscope results``: an index over all runs, and what can be asked of it."""

import click

from loadscope.suite.cli.lazy_commands import LazyCommands

_COMMANDS = {
    "add": "Take run directories, archives or published results into the index.",
    "check": "Hold runs against a baseline: a gate for continuous integration.",
    "export": "Export runs as an RO-Crate, Parquet or CSV.",
    "history": "Show series over time: level, noise, and where it changed.",
    "import": "Take the runs of a crate back.",
    "list": "List runs by conditions.",
    "mark": "Say of a run: baseline, hide, comment.",
    "matrix": "Show models by frameworks: medians and how far they vary.",
    "official": "Show published results, and the nearest to a run.",
    "rebuild": "Make the index again from its sources.",
    "show": "Show all that is known of a run.",
    "watch": "Keep the index in step with a folder that grows.",
}


@click.group("results", cls=LazyCommands, module="loadscope.suite.cli.results", told=_COMMANDS)
def results_command() -> None:
    """Keep an index over run directories, and ask it.

    The run directories stay the source of truth: the index can be deleted at any time.

    \b
    Example:
      loadscope results add runs/
      loadscope results list --model resnet50 --scenario Offline --sort -value
    """
