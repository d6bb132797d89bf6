"""``loadscope golden``: record what a trusted host computes."""

import json
from pathlib import Path
from typing import Any

import click

from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import OWN, SpecCommand, given_settings, spec_options
from loadscope.suite.golden.file import write_golden
from loadscope.suite.golden.observation import golden_record, observe, prepare_observation

_DEFAULT_COUNT = 8


@click.command("golden", cls=SpecCommand)
@spec_options(
    "model",
    "framework",
    "dataset_path",
    "count",
    "datasets",
    "models",
    *OWN,
    single=("model", "framework"),
    required=("model", "framework"),
    defaults={"count": str(_DEFAULT_COUNT)},
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="The golden file, .npz."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def golden_command(output: Path, as_json: bool, **options: Any) -> None:
    """Record inputs, outputs and layers of a model on a trusted host.

    Take the file to another host (an IBM Z, say) and hold that against it with
    'loadscope validate'.

    \b
    Example:
      loadscope golden --model efficientnet-lite0 --framework onnxruntime \\
          --dataset-path imagenet-sample20 --count 4 --output efficientnet.npz
    """
    settings = {"count": _DEFAULT_COUNT, **given_settings(options)}
    with progress_bars() as progress:
        seen = observe(prepare_observation(settings, progress), progress, trusted=True)
        write_golden(output, seen)
    if as_json:
        click.echo(json.dumps({"golden": str(output.resolve()), **golden_record(seen)}, indent=2))
        return
    layers = len(seen.samples[0].layers)
    inside = f"{layers} layers, {len(seen.weights)} weights" if layers else "no layers"
    accuracy = golden_record(seen)["accuracy"]
    score = f"{accuracy['metric']} not meaningful (seeded weights, or no model)"
    if accuracy["meaningful"] and accuracy["value"] is None:
        score = "no score"
    elif accuracy["meaningful"]:
        score = f"{accuracy['metric']} {accuracy['value']:.3f} {accuracy['unit']}".rstrip()
    click.echo(f"{output}: {len(seen.samples)} samples, {inside}, {score}")
