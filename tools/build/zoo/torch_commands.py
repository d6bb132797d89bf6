"""The commands that make programs of timm's, torchvision's and transformers' networks."""

import json
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from loadscope.errors import InputError
from loadscope.tools.build.commands import ARCHITECTURE, CLASSES, OUTPUT, SIZE
from loadscope.tools.build.zoo.program import read_weights, seed_weights, write_program
from loadscope.tools.build.zoo.torchvision_names import define_operators, stand_in

_FRAMES = 16
"""Of a clip."""
_SEED = click.option("--seed", type=click.IntRange(0), help="Of weights that are not given.")
_WEIGHTS = click.option("--weights", type=click.Path(path_type=Path, exists=True))
_SETTINGS = click.option("--settings", default="{}", help="What the network is given, as JSON.")


@click.command("timm")
@ARCHITECTURE
@CLASSES
@SIZE
@_SEED
@_WEIGHTS
@_SETTINGS
@OUTPUT
def timm(
    architecture: str,
    classes: int,
    size: int,
    seed: int | None,
    weights: Path | None,
    settings: str,
    output: Path,
) -> None:
    """Write a program of a network of timm.

    \b
    Example:
      python -m loadscope.tools.build timm --architecture resnet18 --classes 1000 \\
          --size 224 --seed 1 --output resnet18.pt2
    """
    stand_in()
    import timm as library

    torch.manual_seed(seed or 0)
    given: dict[str, Any] = {"num_classes": classes, **json.loads(settings)}
    if weights is not None:
        given |= {"pretrained": True, "pretrained_cfg_overlay": {"file": str(weights)}}
    network = library.create_model(architecture, exportable=True, **given)
    _write_classifier(network, size, seed, weights, output)


@click.command("torchvision")
@ARCHITECTURE
@CLASSES
@SIZE
@_SEED
@_WEIGHTS
@OUTPUT
def torchvision(
    architecture: str,
    classes: int,
    size: int,
    seed: int | None,
    weights: Path | None,
    output: Path,
) -> None:
    """Write a program of a network of torchvision.

    \b
    Example:
      python -m loadscope.tools.build torchvision --architecture resnet18 --classes 1000 \\
          --size 224 --seed 1 --output resnet18.pt2
    """
    define_operators()
    from torchvision import models

    torch.manual_seed(seed or 0)
    kind = models.get_model_builder(architecture).__module__
    given: dict[str, Any] = {}
    if architecture in ("googlenet", "inception_v3"):
        given = {"init_weights": True}
    elif ".segmentation." in kind:
        # Otherwise it fetches those of its backbone.
        given = {"weights_backbone": None}
    network = models.get_model(architecture, weights=None, num_classes=classes, **given)
    if weights is not None:
        _load(network, read_weights(weights), weights)
    _write_classifier(
        _Scores(network) if ".segmentation." in kind else network,
        size,
        seed,
        weights,
        output,
        (_FRAMES,) if ".video." in kind else (),
    )


@click.command("transformers")
@ARCHITECTURE
@CLASSES
@SIZE
@_SEED
@_WEIGHTS
@_SETTINGS
@click.option("--input-name", required=True, multiple=True, help="Name of an input; repeat.")
@click.option("--output-name", required=True, multiple=True, help="Name of an output; repeat.")
@OUTPUT
def transformers(
    architecture: str,
    classes: int,
    size: int,
    seed: int | None,
    weights: Path | None,
    settings: str,
    input_name: tuple[str, ...],
    output_name: tuple[str, ...],
    output: Path,
) -> None:
    """Write a program of a network of transformers, by the name of its class.

    \b
    Example:
      python -m loadscope.tools.build transformers --architecture ViTForImageClassification \\
          --classes 1000 --size 224 --seed 1 --input-name pixel_values --output-name logits \\
          --output vit.pt2
    """
    import transformers as library

    kind = getattr(library, architecture)
    config = kind.config_class(num_labels=classes, **json.loads(settings))
    torch.manual_seed(seed or 0)
    own = kind(config) if weights is None else _trained(kind, config, weights)
    network = _Named(own, input_name, output_name)
    if weights is None:
        seed_weights(network, (3, size, size), seed or 0)
    batch = torch.export.Dim("batch")
    if input_name == ("pixel_values",):
        write_program(network, (torch.zeros(2, 3, size, size),), {0: batch}, output)
        return
    example = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in input_name)
    length = torch.export.Dim("length", min=2, max=size)
    write_program(network, example, {0: batch, 1: length}, output)


class _Named(nn.Module):
    """A network of transformers with inputs and outputs in order instead of by name."""

    def __init__(self, network: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...]):
        super().__init__()
        self.network, self._inputs, self._outputs = network, inputs, outputs

    def forward(
        self,
        first: torch.Tensor,
        second: torch.Tensor | None = None,
        third: torch.Tensor | None = None,
    ) -> Any:
        found = self.network(**dict(zip(self._inputs, (first, second, third), strict=False)))
        values = tuple(found[name] for name in self._outputs)
        return values[0] if len(values) == 1 else values


class _Scores(nn.Module):
    """A network of torchvision for each pixel, without what only training uses."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> Any:
        return self.network(images)["out"]


def _write_classifier(
    network: nn.Module,
    size: int,
    seed: int | None,
    weights: Path | None,
    output: Path,
    frames: tuple[int, ...] = (),
) -> None:
    sample = (3, *frames, size, size)
    if weights is None:
        seed_weights(network, sample, seed or 0)
    batch = {0: torch.export.Dim("batch")}
    write_program(network, (torch.zeros(2, *sample),), batch, output)


def _trained(kind: Any, config: Any, path: Path) -> nn.Module:
    """A network of transformers with a repository's weights, under whichever names it has them."""
    network: nn.Module
    network, said = kind.from_pretrained(
        None, config=config, state_dict=read_weights(path), output_loading_info=True
    )
    unfit = sorted({*said["missing_keys"], *map(str, said["mismatched_keys"])})
    if unfit:
        raise InputError(
            f"{path} does not fit the network: {len(unfit)} weights are missing or of another "
            f"size, the first one is {unfit[0]}",
            "take another repository, whose config.json is of its weights",
        )
    return network


def _load(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    # Classifiers beside the last one, which only training uses.
    state = {name: value for name, value in state.items() if name in network.state_dict()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} does not fit the network: {first}", "fetch it again") from error
