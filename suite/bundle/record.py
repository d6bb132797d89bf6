"""``bundle.json``: what a bundle holds and what it is for."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.rundir.part import Part

FILE = "bundle.json"
MODELS, DATA, ARTIFACTS, DATASETS = "models", "data", "artifacts", "datasets"
WHEELS, SCRIPTS, LICENCES = "wheels", "scripts", "licences"
"""The folders: models that were built, the user's data, downloads as the cache has them, data sets
as the cache has them, packages, scenario scripts, licences."""
MANIFEST = "models.yaml"
PLATFORMS = ("linux-x86_64", "linux-aarch64", "linux-s390x")


class BundledModel(Part):
    """A model for a framework.

    Attributes:
        id: As it was asked for.
        run_as: As ``--model`` takes it from the bundle; another id where the model was built.
        framework: The backend's name.
        sha256: The digest of every file that is loaded.
        licence: Of the weights.
    """

    id: str
    run_as: str
    framework: str
    sha256: str
    licence: str = ""


class Bundle(Part):
    """The content of ``bundle.json``.

    Attributes:
        created: When it was made, ISO 8601, UTC.
        loadscope: The version that made it, and that it holds.
        platform: One of ``PLATFORMS``.
        python: ``3.11``.
        models: Those that it holds.
        datasets: By id, the folder in the bundle; empty for one that comes with LoadScope.
        requirements: What is installed from its packages; empty without packages.
        round: The MLPerf round whose rules LoadScope has with it.
    """

    format: Literal[1] = 1
    created: str
    loadscope: str
    platform: str
    python: str
    models: tuple[BundledModel, ...] = ()
    datasets: dict[str, str] = Field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    round: str

    def write(self, folder: Path) -> None:
        """Write it into a bundle's folder."""
        write_text(folder / FILE, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read it from a bundle's folder.

        Raises:
            InputError: There is none, or another version wrote it.
        """
        try:
            return cls.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{folder}: no {FILE}", "give a bundle of loadscope bundle") from error
        except UnicodeDecodeError as error:
            raise InputError(
                f"{folder / FILE}: is not UTF-8 text", "use the version that wrote it"
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(
                f"{folder / FILE}: {key}: {first['msg']}", "use the version that wrote it"
            ) from error
