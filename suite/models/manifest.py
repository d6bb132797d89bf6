"""The model manifest: ``models.yaml`` and the user's own files, together a catalogue."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from loadscope.errors import InputError, near
from loadscope.rundir.record import RunRecord
from loadscope.shipped import here_or_shipped
from loadscope.strict_yaml import line_of, read_yaml
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.task_settings import Postprocess, Preprocess
from loadscope.suite.models.tensor_spec import Strict
from loadscope.suite.models.zoo.family import permissive
from loadscope.suite.models.zoo.registry import families, family

__all__ = ["Catalogue", "Manifest", "ModelEntry", "Postprocess", "Preprocess", "read_manifest"]


class Manifest(Strict):
    """A whole manifest file."""

    version: Literal[1] = Field(alias="schema")
    models: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], ModelEntry]


class RecordedManifest(Strict):
    """The manifest of one model as a run recorded it; its id may be a family's, with a slash."""

    version: Literal[1] = Field(alias="schema")
    models: dict[str, ModelEntry]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file; its ``file:`` sources start from its folder.

    Raises:
        InputError: It cannot be read or does not fit; the message names file, line and key.
    """
    return read_yaml(path, Manifest, {"folder": path.absolute().parent, "file": path})


def manifest_text(model_id: str, entry: ModelEntry) -> str:
    """A manifest of one model as a file has it, what is as usual left out."""
    return yaml.safe_dump(_manifest(model_id, entry), sort_keys=False, default_flow_style=None)


def _manifest(model_id: str, entry: ModelEntry) -> dict[str, Any]:
    manifest = RecordedManifest(schema=1, models={model_id: entry})
    return {
        "schema": manifest.version,
        **manifest.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }


@dataclass(frozen=True)
class Catalogue:
    """Models by id.

    Attributes:
        models: The curated entries; those of families are made when they are looked up.
        origins: The file that each of these ids comes from.
        built_in: The file of the built-in ones.
    """

    models: Mapping[str, ModelEntry]
    origins: Mapping[str, Path]
    built_in: Path

    @classmethod
    def load(cls, extra_files: Iterable[Path] = ()) -> "Catalogue":
        """Read the built-in manifest and further ones.

        Args:
            extra_files: The user's manifests.

        Raises:
            InputError: A file is not a manifest, gives an id a second time, or names a
                stand-in that does not exist.
        """
        models: dict[str, ModelEntry] = {}
        origins: dict[str, Path] = {}
        with as_file(files("loadscope") / "models.yaml") as built_in:
            # A file given twice is read once.
            named = (built_in, *map(here_or_shipped, extra_files))
            paths = {path.resolve(): path for path in named}
            for path in paths.values():
                manifest = read_manifest(path)
                for model_id, entry in manifest.models.items():
                    if model_id in models:
                        raise InputError(
                            f"{line_of(path, 'models', model_id)}: models.{model_id}: "
                            f"duplicate id, also in {origins[model_id]}",
                            "give it another id",
                        )
                    models[model_id] = entry
                    origins[model_id] = path
        for model_id, entry in models.items():
            if entry.stand_in and entry.stand_in not in models:
                where = line_of(origins[model_id], "models", model_id, "stand_in")
                raise InputError(
                    f"{where}: models.{model_id}.stand_in: unknown model '{entry.stand_in}'",
                    f"use one of: {', '.join(models)}",
                )
        return cls(models, origins, built_in)

    @classmethod
    def of_run(cls, record: RunRecord) -> "Catalogue":
        """The models as a run had them, whatever has become of its manifests since.

        Args:
            record: Its ``run.json``.

        Raises:
            InputError: What it recorded of the model cannot be read by this version.
        """
        if record.manifest is None:
            # The first version recorded no manifest, only where it was.
            return cls.load(record.spec.models)
        try:
            models = RecordedManifest.model_validate_json(json.dumps(record.manifest)).models
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, ("manifest", *first["loc"])))
            raise InputError(
                f"run.json: {key}: {first['msg']}", "use the version of LoadScope that wrote it"
            ) from error
        return cls(models, dict.fromkeys(models, Path("run.json")), Path())

    def having(self, model_id: str, entry: ModelEntry, origin: Path) -> "Catalogue":
        """The same with one more model, or another entry for one.

        Args:
            model_id: Its id.
            entry: The model.
            origin: The file that it comes from; not the built-in one.
        """
        models, origins = {**self.models, model_id: entry}, {**self.origins, model_id: origin}
        return Catalogue(models, origins, self.built_in)

    def manifest_of(self, model_id: str) -> dict[str, Any] | None:
        """A manifest of one of the user's models alone, or a family's; None for a built-in one.

        It is as it was understood: its ``file:`` sources are absolute.
        """
        if self.origins.get(model_id) == self.built_in:
            return None
        # The stand-in is another entry, and what it stands for is there.
        return _manifest(model_id, self.get(model_id).model_copy(update={"stand_in": ""}))

    def get(self, model_id: str) -> ModelEntry:
        """Look a model up.

        Raises:
            InputError: There is no model of that id; the message has near and known ids.
        """
        if model_id in self.models:
            return self.models[model_id]
        if "/" in model_id:
            return family_entry(model_id)
        raise InputError(
            f"unknown model '{model_id}'",
            f"{near(model_id, self.models)}known: {', '.join(self.models)}, and those of the "
            f"families {', '.join(families())} (loadscope models); or add one with --models FILE",
        )


def family_entry(model_id: str) -> ModelEntry:
    """The entry of a family's model, made by the family's rule.

    Args:
        model_id: ``family/name``.

    Raises:
        InputError: There is no such family or model, its licence has to be accepted first, or it
            cannot be run.
    """
    name, _, own = model_id.partition("/")
    found = family(name)
    made = found.entry(own)
    if made["accuracy"].get("meaningful", True) and not permissive(made["licence"]):
        _require_accepted(model_id, made["licence"])
    try:
        return ModelEntry.model_validate(made)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{model_id}: the rule of the family makes no valid entry: {key}: {first['msg']}",
            "mend the family's package",
        ) from error


def _require_accepted(model_id: str, licence: str) -> None:
    """Refuse weights of a licence that forbids some uses until the user has named it."""
    if licence not in os.environ.get("LOADSCOPE_LICENCES", "").split():
        name, dot, _ = model_id.partition(".")
        seeded = f"; or take seeded weights: {name}" if dot else ""
        raise InputError(
            f"{model_id}: its weights are under {licence}, which does not permit every use",
            f"if your use is permitted: export LOADSCOPE_LICENCES='{licence}'{seeded}",
        )
