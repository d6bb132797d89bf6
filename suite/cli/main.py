"""The entry point: commands, and the one place where errors become exit statuses."""

import sys

import click

import loadscope
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.cli.accuracy import accuracy_command
from loadscope.suite.cli.cache import cache_command
from loadscope.suite.cli.check import check_command
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.cli.datasets import datasets_command
from loadscope.suite.cli.doctor import doctor_command
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

WORK_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


@click.group(
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
