"""What can be run, and on what."""

from collections.abc import Iterable
from pathlib import Path

from loadscope.datasets.catalog import CatalogEntry, catalog
from loadscope.suite.models.manifest import Catalogue, ModelEntry


def models(manifests: Path | str | Iterable[Path | str] = ()) -> dict[str, ModelEntry]:
    """The models by id.

    Args:
        manifests: A further manifest file, or several.

    Raises:
        InputError: A manifest is not one, or two models have one id.
    """
    several = [manifests] if isinstance(manifests, (Path, str)) else manifests
    return dict(Catalogue.load(list(map(Path, several))).models)


def datasets() -> dict[str, CatalogEntry]:
    """The data sets by id, with how to get those that do not come with the package."""
    return dict(catalog())
