"""The entry point: commands, and the one place where errors become exit statuses."""

import importlib
import json
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

import loadscope
from loadscope.errors import LoadScopeError, near
from loadscope.suite.cli.failure import (
    BAD_INPUT,
    INTERRUPTED,
    WORK_FAILED,
    Interrupted,
    error_record,
    say,
    status_of,
)
from loadscope.suite.run.standby import discard, prepare

COMMANDS = {
    "accuracy": "Score the accuracy log of a finished run again.",
    "bundle": "Carry packages, models and data to a machine without network.",
    "cache": "List what the cache holds, or remove some of it.",
    "campaign": "Measure many tests on many hosts, and end in submission trees.",
    "check": "Check a submission against the rules of the round.",
    "compare": "Hold runs, sets of runs or traces against each other.",
    "datasets": "List the data sets, and how to get them.",
    "doctor": "Say what is installed, and how to install what is missing.",
    "env": "Make the Python environments of frameworks that need their own.",
    "fetch": "Bring models and data sets to this machine.",
    "frameworks": "List the frameworks, and what each can do.",
    "golden": "Record inputs, outputs and layers of a model on a trusted host.",
    "models": "List the models, and whether their files are here.",
    "plan": "Predict what a full campaign of a model needs on this machine.",
    "predict": "Have a model answer one sample of yours.",
    "quantize": "Quantise a model to int8 by its framework's own tool.",
    "report": "Show results: a table, an HTML page, CSV or JSON.",
    "reproduce": "Measure somebody else's result here, as nearly as can be.",
    "results": "Keep an index over runs, ask it, and hold runs against a baseline.",
    "run": "Run a model under LoadGen, each test in a fresh process.",
    "serve-sut": "Load a model and answer a LoadGen on another host.",
    "submit": "Package run directories as a submission.",
    "system": "Describe this machine in the round's fields.",
    "trace": "Trace a model under LoadGen: queries, batches, layers, counters.",
    "tune": "Search for the fastest settings of a model on this machine.",
    "validate": "Hold this host against a golden file.",
    "web": "Open the web application on this machine.",
    "worker": "Answer for this host in campaigns.",
}
"""The commands, each in the module of its name, and what the list of them says."""

_MEASURING = ("run", "trace")
_HELP = {"-h", "--help"}


class Commands(click.Group):
    """The commands, with near names for a wrong one, and no option given twice in silence.

    A command is imported when it is called: to list them needs neither NumPy nor LoadGen.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            click.UsageError: There is none, or an option is given twice that has one value.
        """
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = near(args[0], COMMANDS).rstrip()
            ctx.fail(f"No such command '{args[0]}'. {hint}".rstrip())
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_repeated(command, click.Context(command, ctx, name), rest)
        return name, command, rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"loadscope.suite.cli.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, or an option, without importing any command."""
        commands = [
            CompletionItem(name, help=said)
            for name, said in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _refuse_repeated(command: click.Command, context: click.Context, args: list[str]) -> None:
    """Click would take the last of them without a word."""
    given, _, order = command.make_parser(context).parse_args(list(args))
    for option in command.get_params(context):
        _refuse_swallowed(option, context, given)
        single = isinstance(option, click.Option) and not (option.multiple or option.is_flag)
        if single and order.count(option) > 1:
            context.fail(f"Option '{option.opts[0]}' takes one value and is given several times.")


def _refuse_swallowed(option: click.Parameter, context: click.Context, given: Any) -> None:
    """Click would take the next option as the value of one that was left without."""
    values = given.get(option.name)
    for value in values if isinstance(values, list) else [values]:
        if isinstance(option, click.Option) and str(value).startswith("--"):
            context.fail(f"Option '{option.opts[0]}' has no value: '{value}' follows it.")


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": sorted(_HELP), "max_content_width": 100},
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
        if sys.argv[1:2] and sys.argv[1] in _MEASURING and not _HELP.intersection(sys.argv):
            # Before the imports of the command, which take as long as those of the process do.
            prepare()
        status = cli.main(standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "loadscope"
        status = _tell(error.format_message(), f"see {command} --help", BAD_INPUT)
    except (KeyboardInterrupt, click.Abort) as error:
        # Click turns the first into the second.
        cause = error.__cause__ or error
        command, left = (
            (cause.command, cause.unstarted) if isinstance(cause, Interrupted) else ("", "")
        )
        said = f"interrupted; not started: {left}" if left else "interrupted"
        status = _tell(said, command and f"go on with {command}", INTERRUPTED)
    except LoadScopeError as error:
        status = _tell(error.message, error.fix, status_of(error))
    except BrokenPipeError:
        # The reader of our output has gone (``loadscope models | head``); nothing is lost.
        sys.stderr.close()
        sys.exit(WORK_FAILED)
    finally:
        discard()
    sys.exit(status if isinstance(status, int) else 0)


def _tell(message: str, fix: str, status: int) -> int:
    if "--json" in sys.argv[1:]:
        click.echo(json.dumps({"error": error_record(message, fix, status)}, indent=2))
    say(message, fix)
    return status
