"""Golden files made here and held against models that run on the emulated machine."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.tools.arch.checks import CheckRow
from loadscope.tools.arch.furnish import DATA, MODEL
from loadscope.tools.arch.inside import LANE, Inside, loadscope_here, require

SAMPLES = 4
# Of a machine that does other things too; a quiet one takes a tenth.
_SECONDS = 3600


@dataclass(frozen=True)
class Held:
    """A model that is held against a golden file.

    Attributes:
        model: Its id, in the lane's manifest or the suite's.
        data: Its data set, as ``--dataset-path`` takes it on both machines.
        samples: How many of them.
        dtype: What it computes in, of which the bound is.
    """

    model: str
    data: str
    samples: int = SAMPLES
    dtype: str = "float32"


CLASSIFIER = Held(MODEL, DATA)
OTHERS = {
    # Half a minute each under emulation.
    "speech": Held("moonshine-tiny", "librivox-sample", 2, "int8"),
    "segmentation": Held("segments-64", "shapes-generated"),
}
"""By the task, what the classifier does not stand for."""


def make_golden(inside: Inside, manifest: Path, held: Held, framework: str, data: str) -> Path:
    """Make a golden file on this host, where the emulated machine finds it.

    Args:
        inside: The machine.
        manifest: The lane's.
        held: The model.
        framework: What runs it.
        data: Its data set here.

    Raises:
        WorkError: It was not made.
    """
    golden = inside.folder / f"{held.model}-{framework}.npz"
    command = ["golden", "--model", held.model, "--models", str(manifest)]
    command += ["--framework", framework, "--dataset-path", data]
    command += ["--count", str(held.samples), "--output", str(golden)]
    require(loadscope_here(command), "the golden file was not made")
    return golden


def hand_over(inside: Inside, held: Held, framework: str, cache: Path, progress: Progress) -> None:
    """Copy a model of the suite's own catalogue to the cache of the emulated machine.

    Args:
        inside: The machine.
        held: The model, whose files a golden file was made with; of another one nothing is done.
        framework: What runs it.
        cache: The suite's.
        progress: Told what is being fetched.
    """
    catalogue = Catalogue.load()
    if held.model not in catalogue.models:
        return
    found = materialise(held.model, catalogue.get(held.model), framework, cache, progress)
    folder = found.artifact.path.parent
    shutil.copytree(folder, inside.folder / "cache" / folder.relative_to(cache), dirs_exist_ok=True)


def golden_row(
    inside: Inside, title: str, golden: Path, held: Held, framework: str, data: str
) -> CheckRow:
    """Run a model there and hold it against a golden file.

    Args:
        inside: The machine.
        title: The row's name.
        golden: From ``make_golden``, as the next two.
        held: See above.
        framework: See above.
        data: The data set there.
    """
    arguments = ["validate", "--json", "--models", f"{LANE}/models/models.yaml"]
    arguments += ["--model", held.model, "--framework", framework, "--dataset-path", data]
    arguments += ["--golden", str(LANE / golden.name), "--dtype", held.dtype]
    done = inside.loadscope(title, arguments, _SECONDS)
    verdict = done.json()
    if verdict is None:
        return CheckRow(title, False, done.failure(), done.seconds)
    if verdict["max_rel_diff"] is None:
        detail = f"{verdict['cause']}: {verdict['cause_detail']}"
        return CheckRow(title, False, detail, done.seconds)
    detail = (
        f"{verdict['samples']} samples, scores within {verdict['max_rel_diff']:.1e} of their "
        f"magnitude, same answers {verdict['top1_agreement']:.0%}, "
        f"first divergent layer: {verdict['first_divergent_layer'] or 'none'}"
    )
    return CheckRow(title, verdict["passed"], detail, done.seconds)
