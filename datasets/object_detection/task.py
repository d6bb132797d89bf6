"""The task of finding the objects of a photograph."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadscope.datasets.object_detection.coco import Coco
from loadscope.datasets.object_detection.detection import postprocess as boxes_postprocess
from loadscope.datasets.object_detection.detection_library import DetectionLibrary, image_sizes
from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess
from loadscope.datasets.object_detection.detection_spec import DetectionSpec
from loadscope.datasets.task import (
    AnswerForm,
    Dataset,
    Postprocess,
    Progress,
    SampleLibrary,
)
from loadscope.errors import InputError

if TYPE_CHECKING:
    from loadscope.datasets.registry import ModelInput

_PLAIN = AnswerForm()


class ObjectDetection:
    """COCO-like data sets, mean average precision."""

    name = "object-detection"
    title = "Object detection (mAP)"
    # Which of the two it is lies in the data set: see ``coco_score.score_boxes``.
    metrics: tuple[str, ...] = ("mAP", "agreement")
    preprocess_type: type[Any] = DetectionPreprocess
    postprocess_type: Any = DetectionSpec

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
    ) -> Coco:
        """See ``Coco.read``."""
        return Coco.read(path, limit, classes)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: DetectionPreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``sample_cache_build.prepare_samples`` and ``Coco.require_sizes``."""
        # Decoding takes OpenCV and Pillow, which the measured process has no use for.
        from loadscope.datasets.cache.sample_cache_build import Sources, prepare_samples

        if not isinstance(dataset, Coco):
            raise TypeError(f"{self.name} reads Coco, not {type(dataset).__name__}")
        digests = dataset.digests(cache_root, progress)
        sources = Sources(dataset.images, dataset.names, digests)
        prepared = prepare_samples(
            cache_root, sources, preprocess.record_maker(), progress, workers
        )
        dataset.require_sizes(image_sizes(prepared))
        return prepared

    def library(
        self,
        prepared: Path,
        preprocess: DetectionPreprocess,
        inputs: Sequence["ModelInput"],
        layout: str,
        most_bytes: float = math.inf,
    ) -> DetectionLibrary:
        """See ``DetectionLibrary``."""
        fix = "correct the model's manifest"
        if len(inputs) != 1:
            raise InputError(f"a detector has one input, this model has {len(inputs)}", fix)
        tensor, size = inputs[0], preprocess.size
        shapes = {"NCHW": (3, size, size), "NHWC": (size, size, 3)}
        if layout not in shapes:
            raise InputError(f"layout '{layout}' is not one of: {', '.join(shapes)}", fix)
        if tuple(tensor.shape) != shapes[layout]:
            raise InputError(
                f"input '{tensor.name}' is {tensor.dtype} {tuple(tensor.shape)}, but the"
                f" preprocessing gives {shapes[layout]} ({layout})",
                fix,
            )
        return DetectionLibrary(prepared, preprocess, tensor.name, layout, tensor.dtype, most_bytes)

    def postprocess(
        self, spec: DetectionSpec, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        """See ``detection.postprocess``."""
        if not isinstance(library, DetectionLibrary):
            raise TypeError(f"{self.name} needs its own library, not {type(library).__name__}")
        return boxes_postprocess(spec, library.side, library.frame, form.category_ids)
