"""The model that a spec names, as it runs: an entry of the catalogue, or one that is inferred."""

from dataclasses import dataclass
from pathlib import Path

from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_names import file_named, model_id
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.own_model import (
    Inferred,
    Said,
    as_task,
    infer_entry,
    require_nothing_said,
)


@dataclass(frozen=True)
class UnderstoodModel:
    """A model by its id.

    Attributes:
        id: Under which results have it.
        entry: What is known of it.
        catalogue: Which has the entry under the id.
        lines: How a file was understood, and what was assumed; empty for an entry that was
            written.
    """

    id: str
    entry: ModelEntry
    catalogue: Catalogue
    lines: tuple[str, ...] = ()


def understand(spec: RunSpec, recorded: Catalogue | None) -> UnderstoodModel:
    """Look a spec's model up, or infer what it is.

    Args:
        spec: What to run.
        recorded: The models as an earlier run had them, of which nothing is inferred again.

    Raises:
        InputError: The model is unknown, or its file does not say enough.
    """
    identity = model_id(spec.model)
    if recorded is not None:
        return UnderstoodModel(identity, recorded.get(identity), recorded)
    catalogue = Catalogue.load(spec.models)
    said = Said(
        spec.framework,
        spec.task,
        spec.preprocess,
        spec.shape,
        spec.input_data,
        spec.random_inputs,
    )
    path = file_named(spec.model)
    if path is not None:
        return _inferred(identity, infer_entry(path, said), catalogue, path)
    entry = catalogue.get(identity)
    if said.task in (None, entry.task) and not said.any_inputs:
        require_nothing_said(identity, said)
        return UnderstoodModel(identity, entry, catalogue)
    return _inferred(identity, as_task(identity, entry, said), catalogue, Path("command line"))


def _inferred(
    identity: str, found: Inferred, catalogue: Catalogue, origin: Path
) -> UnderstoodModel:
    having = catalogue.having(identity, found.entry, origin)
    return UnderstoodModel(identity, found.entry, having, found.lines)
