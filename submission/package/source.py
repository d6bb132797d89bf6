"""What a submission's ``src/`` holds: the scripts and manifests that repeat its runs."""

from collections.abc import Iterator
from typing import Any

import yaml

from loadscope.submission.package.package_plan import PlannedResult
from loadscope.submission.package.system import DescribedSystem
from loadscope.submission.package.weights import file_name
from loadscope.submission.rounds import Round

_FILE = "file:"


def source_files(
    benchmark: str, entries: list[PlannedResult], system: DescribedSystem, rules: Round
) -> Iterator[tuple[str, str]]:
    """The names and contents of a benchmark's source folder.

    Args:
        benchmark: The folder.
        entries: Its results.
        system: The system, below which the results lie.
        rules: The round.

    Yields:
        ``README.md``; for each run its scenario script, and for a model that is not built in a
        manifest of that model alone.
    """
    runs = {entry.run.scenario: entry for entry in entries}
    yield "README.md", _readme(benchmark, list(runs.values()), rules)
    for scenario, entry in runs.items():
        yield f"{scenario}.yaml", _yaml(_script(entry, system))
        manifest = entry.run.record.manifest
        if manifest is not None:
            yield _manifest_name(entry), _yaml(_beside(manifest))


def _readme(benchmark: str, entries: list[PlannedResult], rules: Round) -> str:
    version = entries[0].run.record.versions["loadscope"]
    lines = [
        f"# How the results of {benchmark} are made",
        "",
        f"With LoadScope {version} and mlcommons-loadgen {rules.loadgen}: install them, then run "
        "each script from this folder on a folder of the data set.",
        "",
        *(
            f"    loadscope run {entry.run.scenario}.yaml --dataset-path FOLDER"
            for entry in entries
        ),
        "",
    ]
    own = [entry for entry in entries if entry.run.record.manifest is not None]
    if own:
        names = " and ".join(f"`{_manifest_name(entry)}`" for entry in own)
        lines += [f"The model's manifest, which the scripts name, is in {names}.", ""]
    files = dict.fromkeys(file for entry in own for file in _local_files(entry.run.record.manifest))
    if files:
        model = own[0].run.record.model
        lines += ["It reads files that are not part of this tree; put them into this folder:", ""]
        for file in files:
            digest = f", sha256 `{model.sha256}`" if model.source == file else ""
            lines.append(f"- `{file_name(file)}`{digest}")
            if digest and len(parts := model.files or {}) > 1:
                lines[-1] += ", of these files, as sha256sum lists them:"
                lines += [f"  - `{name}`, sha256 `{each}`" for name, each in parts.items()]
        lines.append("")
    return "\n".join(lines)


def _script(entry: PlannedResult, system: DescribedSystem) -> dict[str, Any]:
    """The settings of a run, with the files that it needs as they are named in the tree."""
    record = entry.run.record
    left_out = {"dataset_path", "user_conf", "models"}
    spec = {
        key: value
        for key, value in record.spec.model_dump(mode="json").items()
        if value is not None and key not in left_out
    }
    if record.manifest is not None:
        spec["models"] = [_manifest_name(entry)]
    if record.spec.user_conf is not None:
        result = f"results/{system.name}/{entry.benchmark}/{entry.scenario}"
        spec["user_conf"] = f"../../{result}/user.conf"
    return spec


def _manifest_name(entry: PlannedResult) -> str:
    return f"{entry.run.scenario}-models.yaml"


def _beside(part: Any) -> Any:
    """A manifest whose local files lie beside it, wherever they lay when it was read."""
    if isinstance(part, dict):
        return {key: _beside(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_beside(value) for value in part]
    if isinstance(part, str) and part.startswith(_FILE):
        return f"{_FILE}{file_name(part)}"
    return part


def _local_files(part: Any) -> Iterator[str]:
    if isinstance(part, dict | list):
        for value in part.values() if isinstance(part, dict) else part:
            yield from _local_files(value)
    elif isinstance(part, str) and part.startswith(_FILE):
        yield part


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
