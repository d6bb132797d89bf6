"""The scenario script that a search ends with; ``loadscope run`` takes it as it is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_own import OwnModelSpec
from loadscope.suite.tune.space import Axis, settings
from loadscope.suite.tune.study import Winner
from loadscope.suite.tune.trial import PERCENTILES, goodness

# The number of samples is not among them: it was for quick trials, and the script is for full runs.
_SHARED = (
    "model",
    "framework",
    "device",
    "dataset_path",
    "datasets",
    "models",
    *OwnModelSpec.model_fields,
)


def script_text(found: list[tuple[RunSpec, list[Axis], Winner]], processor: str | None) -> str:
    """A script with one run a scenario.

    Args:
        found: What was searched and found, of one model and framework.
        processor: The machine's processor, for the comment.
    """
    spec = found[0][0].model_dump(mode="json", exclude_defaults=True)
    script: dict[str, Any] = {key: spec[key] for key in _SHARED if key in spec}
    # Relative to nothing, so that it runs from any folder; an id of a data set stays one.
    if Path(script.get("dataset_path", "/nowhere")).exists():
        script["dataset_path"] = str(Path(script["dataset_path"]).resolve())
    for files in script.keys() & {"datasets", "models"}:
        script[files] = [str(Path(path).resolve()) for path in script[files]]
    # Arrays have no true answers.
    script["mode"] = ["performance"] + ["accuracy"] * ("dataset_path" in script)
    script["runs"] = [_run(*one) for one in found]
    lines = [
        f"# Found by 'loadscope tune' on {processor or 'this machine'}, "
        f"{datetime.now(UTC):%Y-%m-%d}, in short runs (unverified):",
        *(f"# {spec.scenario}: {headline(spec.scenario, winner)}" for spec, _, winner in found),
    ]
    return "\n".join(lines) + "\n" + yaml.safe_dump(script, sort_keys=False)


def headline(scenario: Scenario, winner: Winner) -> str:
    """The figure, and how much better than without tuning: ``182.3 samples/s, 1.31 x ...``."""
    gain = f"{goodness(scenario, winner.value) / goodness(scenario, winner.default):.2f}"
    told = f"{gain} x as good as the defaults"
    if winner.percentile is None:
        return f"{winner.value:.4g} samples/s, {told}"
    official, ranked = (f"p{at:.0f}" for at in (PERCENTILES[scenario], winner.percentile))
    told += f" at {ranked}" if ranked != official else ""
    return f"{winner.latency_ms:.4g} ms {official}, {told}"


def _run(spec: RunSpec, axes: list[Axis], winner: Winner) -> dict[str, Any]:
    run: dict[str, Any] = {"scenario": str(spec.scenario)}
    if spec.server_target_latency is not None:
        run["server_target_latency"] = f"{spec.server_target_latency:g}ms"
    chosen = settings(winner.params, axes)
    chosen["options"] = {**spec.options, **chosen["options"]}
    run |= {key: value for key, value in chosen.items() if value not in (None, {})}
    if "max_wait" in run:
        run["max_wait"] = f"{run['max_wait']:g}ms"
    if spec.scenario is Scenario.SERVER:
        run["target_qps"] = winner.value
    if spec.scenario.inline:
        # The callback answers: there is one worker, and nothing to say of it.
        run.pop("workers", None)
    return run
