"""The entry point: commands, and the one place where errors become exit statuses."""

import json
import sys

import click

import loadscope
from loadscope.errors import LoadScopeError, near
from loadscope.suite.cli.accuracy import accuracy_command
from loadscope.suite.cli.cache import cache_command
from loadscope.suite.cli.check import check_command
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.cli.datasets import datasets_command
from loadscope.suite.cli.doctor import doctor_command
from loadscope.suite.cli.failure import (
    BAD_INPUT,
    INTERRUPTED,
    WORK_FAILED,
    Interrupted,
    error_record,
    say,
    status_of,
)
from loadscope.suite.cli.fetch import fetch_command
from loadscope.suite.cli.golden import golden_command
from loadscope.suite.cli.models import models_command
from loadscope.suite.cli.plan import plan_command
from loadscope.suite.cli.report import report_command
from loadscope.suite.cli.run import run_command
from loadscope.suite.cli.submit import submit_command
from loadscope.suite.cli.system import system_command
from loadscope.suite.cli.trace import trace_command
from loadscope.suite.cli.tune import tune_command
from loadscope.suite.cli.validate import validate_command


class Commands(click.Group):
    """The commands, with near names for a wrong one, and no option given twice in silence."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            click.UsageError: There is none, or an option is given twice that has one value.
        """
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = near(args[0], self.commands).rstrip()
            ctx.fail(f"No such command '{args[0]}'. {hint}".rstrip())
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _refuse_repeated(command, click.Context(command, ctx, name), rest)
        return name, command, rest


def _refuse_repeated(command: click.Command, context: click.Context, args: list[str]) -> None:
    """Click would take the last of them without a word."""
    _, _, order = command.make_parser(context).parse_args(list(args))
    for option in command.get_params(context):
        single = isinstance(option, click.Option) and not (option.multiple or option.is_flag)
        if single and order.count(option) > 1:
            context.fail(f"Option '{option.opts[0]}' takes one value and is given several times.")


@click.group(
    cls=Commands,
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


for _command in (
    models_command,
    datasets_command,
    fetch_command,
    cache_command,
    run_command,
    trace_command,
    plan_command,
    tune_command,
    accuracy_command,
    report_command,
    submit_command,
    compare_command,
    system_command,
    check_command,
    golden_command,
    validate_command,
    doctor_command,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 bad input, 130 interrupted."""
    try:
        status = cli.main(standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "loadscope"
        status = _tell(error.format_message(), f"see {command} --help", BAD_INPUT)
    except (KeyboardInterrupt, click.Abort) as error:
        # Click turns the first into the second.
        cause = error.__cause__ or error
        resume = cause.command if isinstance(cause, Interrupted) else ""
        status = _tell("interrupted", resume and f"go on with {resume}", INTERRUPTED)
    except LoadScopeError as error:
        status = _tell(error.message, error.fix, status_of(error))
    except BrokenPipeError:
        # The reader of our output has gone (``loadscope models | head``); nothing is lost.
        sys.stderr.close()
        sys.exit(WORK_FAILED)
    sys.exit(status if isinstance(status, int) else 0)


def _tell(message: str, fix: str, status: int) -> int:
    if "--json" in sys.argv[1:]:
        click.echo(json.dumps({"error": error_record(message, fix, status)}, indent=2))
    say(message, fix)
    return status
