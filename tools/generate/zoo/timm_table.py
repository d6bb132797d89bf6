"""timm's table: what the library says of its weights, beside its published accuracies."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.tools.build.zoo.torchvision_names import stand_in
from loadscope.tools.generate.zoo.tables import licence, sha256, write_table

_HASHED = re.compile(r"-[0-9a-f]{8}\.pth$")


def write(results: Path, commit: str, output: Path) -> int:
    """Write the table of classifiers that have a published accuracy as they are configured.

    Args:
        results: ``results/results-imagenet.csv`` of the project.
        commit: Of which commit.
        output: The table.

    Returns:
        How many rows it has.
    """
    stand_in()
    import timm

    with results.open(encoding="utf-8") as file:
        measured = list(csv.DictReader(file))
    rows = list(_rows(timm, measured))
    notes = [
        f"timm {timm.__version__}: names, licences, preprocessing, addresses of weights.",
        f"huggingface/pytorch-image-models at {commit}, results/results-imagenet.csv, sha256",
        f"{sha256(results)}: top-1 on ImageNet's validation set, parameters.",
        "Made by: python -m loadscope.tools.generate.zoo timm",
    ]
    write_table(output, notes, rows)
    return len(rows)


def _rows(timm: Any, measured: list[dict[str, str]]) -> Iterator[Mapping[str, object]]:
    for name in sorted({row["model"] for row in measured}):
        if name not in timm.list_pretrained():
            continue
        config = timm.get_pretrained_cfg(name)
        size = (config.test_input_size or config.input_size)[-1]
        crop = config.test_crop_pct or config.crop_pct
        own = [row for row in measured if row["model"] == name]
        # A figure for other preprocessing is not the model's as it is run here.
        fitting = [
            row
            for row in own
            if int(row["img_size"]) == size
            and math.isclose(float(row["crop_pct"]), crop, abs_tol=6e-4)
            and row["interpolation"] == config.interpolation
        ]
        hashed = bool(config.url and _HASHED.search(config.url))
        by_address = hashed or not config.hf_hub_id
        yield {
            "name": name,
            "parameters": round(float(own[0]["param_count"].replace(",", "")) * 1e6),
            "licence": licence(config.license),
            "size": size,
            "short_side": math.floor(size / crop),
            "geometry": "squash" if config.crop_mode == "squash" else "resize-then-crop",
            "resampler": f"pillow-{config.interpolation}",
            "mean": " ".join(f"{value * 255:g}" for value in config.mean),
            "std": " ".join(f"{value * 255:g}" for value in config.std),
            "top1": fitting[0]["top1"] if fitting else "",
            "weights": config.url if by_address else f"hub:{config.hf_hub_id}",
        }
