"""What can be run, and on what."""

from collections.abc import Iterable
from pathlib import Path

from loadscope.datasets.catalog import CatalogEntry, catalog
from loadscope.suite.models.manifest import Catalogue, ModelEntry


def models(manifests: Iterable[Path | str] = ()) -> dict[str, ModelEntry]:
    """The models by id.

    Args:
        manifests: Further manifest files.

    Raises:
        InputError: A manifest is not one, or two models have one id.
    """
    return dict(Catalogue.load(list(map(Path, manifests))).models)


def datasets() -> dict[str, CatalogEntry]:
    """The data sets by id, with how to get those that do not come with the package."""
    return dict(catalog())
