"""The task of finding the objects of a photograph."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
)
from loadscope.datasets.images.image_task import ImageTask
from loadscope.datasets.images.inferred import find_square, normalisation
from loadscope.datasets.images.square_input import image_misfits
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.object_detection.coco import Coco
from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS
from loadscope.datasets.object_detection.detection import AGREEMENT, MAP, ROW
from loadscope.datasets.object_detection.detection import postprocess as boxes_postprocess
from loadscope.datasets.object_detection.detection_library import DetectionLibrary, image_sizes
from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess
from loadscope.datasets.object_detection.detection_spec import (
    BoxesSpec,
    DetectionSpec,
    HeadKind,
    head_of,
)
from loadscope.datasets.playing import Box, Boxes, Part
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Shown,
)
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker

# Below it are the thousands of guesses that mean average precision counts and nobody looks at.
_SHOWN_FROM = 0.25
_MOST_SHOWN = 50

# What the authors' own scripts do before and after their networks.
_USUAL: Mapping[HeadKind, dict[str, Any]] = {
    "yolox": {
        "geometry": "letterbox-top-left",
        "resampler": "opencv-bilinear",
        "colour": "bgr",
        "normalisation": "raw",
        "thresholds": {"score_threshold": 0.01, "iou_threshold": 0.65},
    },
    "yolo11": {
        "geometry": "letterbox-centre",
        "resampler": "opencv-bilinear",
        "colour": "rgb",
        "normalisation": "unit",
        "thresholds": {"score_threshold": 0.001, "iou_threshold": 0.7},
    },
}


class ObjectDetection(ImageTask[Coco]):
    """COCO-like data sets, mean average precision."""

    dataset_type = Coco
    library_type = DetectionLibrary
    name = "object-detection"
    title = "Object detection (mAP)"
    # Which of the two it is lies in the data set: see ``coco_score.score_boxes``.
    metrics: tuple[ScoreMetric, ...] = (MAP, AGREEMENT)
    preprocess_type: type[Any] = DetectionPreprocess
    postprocess_type: Any = DetectionSpec
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Coco:
        """See ``Coco.read``."""
        return Coco.read(path, limit, classes)

    def records(self, preprocess: DetectionPreprocess) -> "RecordMaker":
        """See ``DetectionRecords``."""
        from loadscope.datasets.object_detection.letterbox import DetectionRecords

        return DetectionRecords(preprocess)

    def require_prepared(self, dataset: Coco, prepared: Path) -> None:
        """See ``Coco.require_sizes``."""
        dataset.require_sizes(image_sizes(prepared))

    def postprocess(
        self, spec: DetectionSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``detection.postprocess``."""
        if not isinstance(library, DetectionLibrary):
            raise TypeError(f"{self.name} needs its own library, not {type(library).__name__}")
        return boxes_postprocess(spec, library.side, library.frame, form.category_ids)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why photographs do not go in, or boxes do not come out."""
        yield from image_misfits(entry)
        spec: DetectionSpec = entry.postprocess
        shapes = {output.name: tuple(output.shape) for output in entry.outputs}
        if misfit := spec.misfit(shapes, entry.classes, entry.preprocess.size):
            yield Misfit("outputs", misfit)

    def classes(self, entry: DeclaredModel) -> int:
        """As many as a head has scores for; COCO's where the graph suppresses overlaps itself."""
        spec = entry.postprocess
        if isinstance(spec, BoxesSpec):
            return len(CATEGORY_IDS)
        output = entry.output(spec.names[0])
        return 0 if output is None else spec.classes(tuple(output.shape))

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """A square of pixels in, and a head out that is told by the number of its anchors."""
        square = find_square(model.inputs)
        if square is None:
            return None
        for output in model.outputs:
            kind = head_of(tuple(output.shape), square.side)
            if kind is None:
                continue
            usual = _USUAL[kind]
            given, assumed = normalisation(preprocess or usual["normalisation"], square)
            if preprocess is None:
                assumed = [f"preprocess {usual['normalisation']}, {usual['colour']}"]
            settings = {key: usual[key] for key in ("geometry", "resampler", "colour")}
            return Draft(
                preprocess={**settings, "size": square.side, **given},
                postprocess={"kind": kind, "output": output.name, **usual["thresholds"]},
                layout=square.layout,
                outputs=[output.name],
                sizes={square.name: square.sizes},
                assumed=[*square.assumed, *assumed],
            )
        return None

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph and what was found on it, with scores."""
        if len(answer) % (4 * ROW):
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        names = self.own(sample.dataset).annotations.categories
        rows = np.frombuffer(answer, "<f4").reshape(-1, ROW).tolist()
        found = [f"{names.get(int(row[6]), int(row[6]))} {row[5]:.2f}" for row in rows]
        return Shown(self.image(sample), ", ".join(found) or "nothing")

    def explain(
        self,
        dataset: Dataset,
        answers: Sequence[bytes],
        outputs: Sequence[Tensors],
        spec: DetectionSpec,
    ) -> tuple[Part, ...]:
        """The boxes that are likely enough to be looked at."""
        names = self.own(dataset).annotations.categories
        rows = np.frombuffer(answers[0], "<f4").reshape(-1, ROW).tolist()
        boxes = [
            Box(_label(names, int(kind)), score, left, top, right, bottom)
            for _, top, left, bottom, right, score, kind in rows
            if score >= _SHOWN_FROM
        ]
        return (Boxes(tuple(boxes[:_MOST_SHOWN])),)


def _label(names: Mapping[int, str], kind: int) -> str:
    """A category's name; images without annotations have numbers for names."""
    name = names.get(kind, "")
    return name if name and not name.isdecimal() else f"class {kind}"
