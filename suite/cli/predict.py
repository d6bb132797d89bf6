"""``loadscope predict``."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.datasets.playing import Ask
from loadscope.datasets.registry import task, task_names
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.library.predict import NOT_A_BENCHMARK, Prediction, predict

_NAMES = ("model", "framework")
_SETTINGS = ("device", "threads", "options", "models")
_MOST_LAYERS = 10


def _asked() -> dict[str, Ask]:
    """What any task asks for, by name."""
    return {ask.name: ask for name in task_names() for ask in task(name).asks}


def _sample_options(function: Any) -> Any:
    for ask in reversed(_asked().values()):
        kind = click.Path(path_type=Path) if ask.is_file else str
        help = f"{ask.label} of a task that asks for one."
        function = click.option(f"--{ask.name}", f"given_{ask.name}", type=kind, help=help)(
            function
        )
    return function


@click.command(
    "predict",
    cls=SpecCommand,
    epilog="\b\nExample:\n  loadscope predict --model efficientnet-lite0 --framework onnxruntime "
    "--image cat.jpg\n  loadscope predict --model minilm-squad --framework pytorch \\\n"
    "      --question 'Who wrote it?' --passage 'It was written by Ada.'",
)
@spec_options(
    *_NAMES,
    *_SETTINGS,
    single=_NAMES,
    required=_NAMES,
)
@_sample_options
@click.option("--repeat", type=click.IntRange(1, 1000), default=10, show_default=True,
              help="Of how many predicts the median is taken.")  # fmt: skip
@click.option("--layers", is_flag=True, help="Trace one more predict, and show its layers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def predict_command(repeat: int, layers: bool, as_json: bool, **options: Any) -> None:
    """Have a model answer one sample of yours. It is no benchmark: LoadGen takes no part."""
    given = {
        name.removeprefix("given_"): value
        for name, value in list(options.items())
        if name.startswith("given_") and options.pop(name) is not None
    }
    settings = given_settings(options)
    model, framework = settings.pop("model"), settings.pop("framework")
    with progress_bars() as progress:
        found = predict(
            model, framework, repeats=repeat, layers=layers, progress=progress,
            settings=settings, **given,
        )  # fmt: skip
    for line in found.lines:
        click.echo(line, err=True)
    if as_json:
        click.echo(json.dumps(found.record(), indent=2))
        return
    _print(found)


def _print(found: Prediction) -> None:
    for part in found.predicted.parts:
        for line in part["lines"]:
            click.echo(line)
    predicted = found.predicted
    median = "" if predicted.median_ms is None else f", median {predicted.median_ms:.2f} ms"
    click.echo(
        f"load {1e3 * found.load_seconds:.0f} ms, first {predicted.first_ms:.2f} ms{median} "
        f"({NOT_A_BENCHMARK})"
    )
    if predicted.layers is not None:
        table = Table("Layer", "Type", "ms")
        slowest = sorted(predicted.layers, key=lambda one: -one.ms)[:_MOST_LAYERS]
        for layer in slowest:
            add_plain_row(table, layer.name, layer.type, f"{layer.ms:.3f}")
        print_table(table)
        click.echo(f"the slowest {len(slowest)} of {len(predicted.layers)} layers")
