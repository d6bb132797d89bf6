"""The task of giving each voxel of a scan its class."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.adapters.volume_mask import VolumeMask, nifti_library
from loadscope.datasets.declared import Asked, DeclaredModel, Draft, FileModel, Misfit, ModelInput
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Ask, Part, cuts
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.datasets.volume_segmentation.labelled import classes_of, postprocess
from loadscope.datasets.volume_segmentation.metric import DICE
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess, VoxelSpec
from loadscope.datasets.volume_segmentation.volumes import Volumes
from loadscope.datasets.volume_segmentation.windows import COLUMNS, VOLUME, VolumeWindows
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

_VOXEL_BYTES = 12
"""Of the cache for a byte of packed scans: they are of 16 bits and pack by a half, at finer or
coarser spacing."""


class VolumeSegmentation(Task):
    """Scans with masks, mean Dice coefficient."""

    name = "volume-segmentation"
    title = "Volume segmentation (Dice)"
    metrics: tuple[ScoreMetric, ...] = (DICE,)
    preprocess_type: type[Any] = VolumePreprocess
    postprocess_type: Any = VoxelSpec
    inputs = "volumes"
    packages = ("nibabel",)
    install = "pip install 'loadscope[volumes]'"
    form_types = (VolumeMask,)
    catalog = Path(__file__).with_name("catalog.yaml")
    asks = (Ask("volume", "Volume (.npz with one array of three axes)", "arrays"),)

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Volumes:
        """See ``Volumes.read``."""
        if not isinstance(preprocess, VolumePreprocess):
            kind = type(preprocess).__name__
            raise TypeError(f"{self.name} needs a VolumePreprocess, not {kind}")
        return Volumes.read(path, limit, preprocess, form or VolumeMask(), classes)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: VolumePreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """Bring the scans onto the grid of windows; masks are checked on the way."""
        from loadscope.datasets.cache.array_cache_build import prepare_arrays

        own = self._own(dataset)

        def rows() -> Iterator[Tensors]:
            for index in range(len(own)):
                yield {VOLUME: own.scan(index)}

        record = {
            "preprocess": preprocess.material(),
            "classes": own.classes,
            "samples_sha256": own.digest(cache_root, progress),
        }
        needed = _VOXEL_BYTES * own.bytes() + 4 * math.prod(preprocess.window) * len(own)
        return prepare_arrays(cache_root, record, COLUMNS, rows(), len(own), needed, progress)

    def library(
        self,
        prepared: Path,
        preprocess: VolumePreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> VolumeWindows:
        """See ``VolumeWindows``."""
        return VolumeWindows(prepared, preprocess, inputs)

    def postprocess(
        self, spec: VoxelSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``labelled.postprocess``."""
        if not isinstance(library, VolumeWindows):
            raise TypeError(f"{self.name} needs its own library, not {type(library).__name__}")
        return postprocess(spec, library.shape)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why windows do not go in, or a score a class for each voxel does not come out."""
        preprocess: VolumePreprocess = entry.preprocess
        wanted = (1, *preprocess.window)
        shapes = {one.name: [one.dtype, *one.shape] for one in entry.inputs}
        if list(shapes.values()) != [["float32", *wanted]]:
            yield Misfit(
                "inputs", f"must be one of float32 {list(wanted)}, 1 and the window, not {shapes}"
            )
        spec: VoxelSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
        elif not 2 <= entry.classes <= 256:
            yield Misfit("classes", "is not from 2 to 256", entry.classes)
        elif tuple(output.shape) != (entry.classes, *preprocess.window):
            yield Misfit(
                f"outputs.{spec.output}",
                f"shape {list(output.shape)} is not {[entry.classes, *preprocess.window]}, classes "
                "and the window",
            )

    def classes(self, entry: DeclaredModel) -> int:
        """As many as a voxel has scores."""
        output = entry.output(entry.postprocess.output)
        return 0 if output is None or len(output.shape) != 4 else output.shape[0]

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """A window of one channel in, and a score a class for each of its voxels out."""
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            return None
        given, found = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
        if len(given) != 4 or given[0] != 1 or len(found) != 4 or found[1:] != given[1:]:
            return None
        if ANY_SIZE in given or found[0] < 2:
            return None
        asked = dict(preprocess) if isinstance(preprocess, Mapping) else {}
        return Draft(
            preprocess={"window": list(given[1:]), **asked},
            postprocess={"output": model.outputs[0].name},
            outputs=[model.outputs[0].name],
            assumed=[] if asked else ["voxels as they are"],
        )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the scan, and how many of its voxels are of each class."""
        own = self._own(sample.dataset)
        counts = np.bincount(np.frombuffer(answer, np.uint8), minlength=own.classes)
        if not answer or len(counts) > own.classes:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        parts = [
            f"{name} {100 * count / len(answer):.2f} %"
            for name, count in zip(own.class_names(), counts[1:].tolist(), strict=True)
        ]
        return Shown(own.file(sample.index), f"of {len(answer):,} voxels: {', '.join(parts)}")

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a case of the array, voxels of 1 mm, without a mask."""
        path = Path(given["volume"])
        try:
            with np.load(path, allow_pickle=False) as arrays:
                voxels = [arrays[name] for name in arrays.files]
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: {error}", "give an .npz file of numpy.savez") from error
        if len(voxels) != 1 or voxels[0].ndim != 3 or voxels[0].dtype.kind not in "iuf":
            shown = ", ".join(f"{one.dtype.name} {list(one.shape)}" for one in voxels)
            raise InputError(f"{path}: expected one array of three axes, got {shown}", "save one")
        nibabel = nifti_library(str(path))
        case = folder / "case_0"
        case.mkdir()
        image = nibabel.Nifti1Image(voxels[0].astype(np.float32), np.eye(4))
        nibabel.save(image, case / VolumeMask().image)
        return folder

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """Three cuts through the middle of what was marked."""
        own = self._own(dataset)
        volume = own.scan(0)
        classes = classes_of(answers[0], volume.shape)
        if classes is None:
            raise WorkError(f"sample 0 is answered with {len(answers[0])} bytes")
        names = dict(enumerate(own.class_names(), start=1))
        return (cuts(volume, classes, names, self.show(DataSample(own, 0), answers[0]).answer),)

    def unpack(self, name: str, archive: Path, destination: Path) -> Path:
        """See ``unpack_head``."""
        from loadscope.datasets.volume_segmentation.head import HEAD, unpack_head

        if name != HEAD:
            return super().unpack(name, archive, destination)
        return unpack_head(archive, destination)

    def _own(self, dataset: Dataset) -> Volumes:
        if not isinstance(dataset, Volumes):
            raise TypeError(f"{self.name} reads Volumes, not {type(dataset).__name__}")
        return dataset
