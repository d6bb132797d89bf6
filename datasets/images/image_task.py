"""What tasks on images have in common: their samples are squares of pixels in a sample cache."""

import math
import shutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from loadscope.datasets.cache.packed_files import is_packed
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.images.image_files import is_image
from loadscope.datasets.images.image_library import PixelLibrary
from loadscope.datasets.images.square_input import ids_of, square_input
from loadscope.datasets.playing import Ask
from loadscope.datasets.task import DataSample, Dataset, Progress, Task
from loadscope.errors import InputError

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker


class ImageDataset(Dataset, Protocol):
    """A data set of image files.

    Attributes:
        images: The folder that names are relative to.
        names: The name of each sample.
    """

    images: Path
    names: tuple[str, ...]

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's file."""


D = TypeVar("D", bound=ImageDataset)


class PictureTask(Task, Generic[D]):
    """A task whose samples are image files.

    Attributes:
        dataset_type: What ``read`` gives.
    """

    dataset_type: type[D]
    inputs = "images"
    asks = (Ask("image", "Picture", "image"),)

    def sample_digests(
        self, dataset: Dataset, cache_root: Path, progress: Progress
    ) -> dict[str, str]:
        """Of the image files."""
        own = self.own(dataset)
        return dict(zip(own.names, own.digests(cache_root, progress), strict=True))

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a folder with the picture, without labels."""
        path = Path(given["image"])
        if not path.is_file():
            raise InputError(f"{path}: not found", "give a picture")
        if not is_image(path.name):
            raise InputError(f"{path}: not a picture by its name", "give a JPEG or PNG file")
        shutil.copyfile(path, folder / f"sample{path.suffix.lower()}")
        return folder

    def examples(self, folder: Path, most: int) -> Mapping[str, Mapping[str, str]]:
        """See ``Task.examples``: the first pictures below the folder."""
        files = (path for path in sorted(folder.rglob("*")) if is_image(path.name))
        return {path.name: {"image": str(path)} for path in islice(files, most)}

    def own(self, dataset: Dataset) -> D:
        """The data set as one of this task's.

        Raises:
            TypeError: It is another's.
        """
        if not isinstance(dataset, self.dataset_type):
            wanted = self.dataset_type.__name__
            raise TypeError(f"{self.name} reads {wanted}, not {type(dataset).__name__}")
        return dataset

    def image(self, sample: DataSample) -> Path | str:
        """The file of a sample, or the name of an image inside a file."""
        own = self.own(sample.dataset)
        name = own.names[sample.index]
        return name if is_packed(name) else own.images / name


class ImageTask(PictureTask[D]):
    """A task whose samples are made squares of pixels.

    Attributes:
        library_type: What ``library`` gives.
    """

    library_type: type[PixelLibrary[Any]]

    @abstractmethod
    def records(self, preprocess: Any) -> "RecordMaker":
        """What makes a record of the sample cache from an image; imports the image libraries."""

    def prepare(
        self,
        dataset: Dataset,
        preprocess: Any,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``sample_cache_build.prepare_samples``."""
        # Decoding takes OpenCV and Pillow, which the measured process has no use for.
        from loadscope.datasets.cache.sample_cache_build import Sources, prepare_samples

        own, maker = self.own(dataset), self.records(preprocess)
        sources = Sources(own.images, own.names, own.digests(cache_root, progress))
        prepared = prepare_samples(cache_root, sources, maker, progress, workers)
        self.require_prepared(own, prepared)
        return prepared

    def require_prepared(self, dataset: D, prepared: Path) -> None:
        """Check what is known of the images once they have been decoded; nothing as a rule.

        Raises:
            InputError: They are not those that the data set describes.
        """

    def library(
        self,
        prepared: Path,
        preprocess: Any,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> PixelLibrary[Any]:
        """See ``PixelLibrary``."""
        tensor = square_input(inputs, layout, preprocess)
        ids = ids_of(inputs, tensor.name) or ()
        return self.library_type(
            prepared, preprocess, tensor.name, layout, tensor.dtype, most_bytes, ids
        )
