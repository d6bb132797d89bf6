"""The entry point: commands, and the one place where errors become exit statuses."""

import importlib
import sys

import click

import loadscope
from loadscope.errors import InputError, LoadScopeError

WORK_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

COMMANDS = {
    "accuracy": "Score the accuracy log of a finished run again.",
    "cache": "List what the cache holds, or remove some of it.",
    "check": "Check a submission against the rules of the round.",
    "compare": "Show where two traced runs of a model differ.",
    "datasets": "List the data sets, and how to get them.",
    "doctor": "Say what is installed, and how to install what is missing.",
    "fetch": "Bring models and data sets to this machine.",
    "golden": "Record inputs, outputs and layers of a model on a trusted host.",
    "models": "List the models, and whether their files are here.",
    "plan": "Predict what a full campaign of a model needs on this machine.",
    "report": "Show results: a table, an HTML page, CSV or JSON.",
    "run": "Run a model under LoadGen, each test in a fresh process.",
    "submit": "Package run directories as a submission.",
    "system": "Describe this machine in the round's fields.",
    "trace": "Trace a model under LoadGen: queries, batches, layers, counters.",
    "tune": "Search for the fastest settings of a model on this machine.",
    "validate": "Hold this host against a golden file.",
}
"""The commands, each in the module of its name, and what the list of them says."""


class _Commands(click.Group):
    """Imports a command when it is called: to list them needs neither NumPy nor LoadGen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"loadscope.suite.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(loadscope.__version__, prog_name="loadscope")
@click.pass_context
def cli(context: click.Context) -> None:
    """Measure a model under MLPerf LoadGen, score it, and report it.

    \b
    Example:
      loadscope fetch efficientnet-lite0 imagenet-sample20
      loadscope run --model efficientnet-lite0 --framework onnxruntime \\
          --scenario SingleStream --dataset-path imagenet-sample20 --min-duration 10s
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 bad input, 130 interrupted."""
    try:
        status = cli.main(standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "loadscope"
        _say(f"{error.format_message()}\n  fix: see {command} --help")
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except LoadScopeError as error:
        _say(str(error))
        sys.exit(BAD_INPUT if isinstance(error, InputError) else WORK_FAILED)
    except BrokenPipeError:
        # The reader of our output has gone (``loadscope models | head``); nothing is lost.
        sys.stderr.close()
        sys.exit(WORK_FAILED)
    sys.exit(status if isinstance(status, int) else 0)


def _say(message: str) -> None:
    click.echo(f"loadscope: {message}", err=True)
