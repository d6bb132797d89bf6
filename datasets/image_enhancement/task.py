"""The task of enlarging photographs."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.declared import Asked, DeclaredModel, Draft, FileModel, Misfit, ModelInput
from loadscope.datasets.image_enhancement.enlarge_spec import EnlargedSpec, EnlargePreprocess
from loadscope.datasets.image_enhancement.enlarged import postprocess, unpacked
from loadscope.datasets.image_enhancement.metric import PSNR
from loadscope.datasets.image_enhancement.photographs import Photographs
from loadscope.datasets.image_enhancement.small_images import COLUMNS, IMAGE, SmallImages
from loadscope.datasets.images.image_task import PictureTask
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import BeforeAfter, Part, picture
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
)
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

_LEAST_SIDE = 11
"""Pixels that a window of SSIM takes; ``quality.ssim``."""


class ImageEnhancement(PictureTask[Photographs]):
    """Photographs made small, enlarged by a network, and compared with what they were."""

    dataset_type = Photographs
    name = "image-enhancement"
    title = "Image enhancement (PSNR, SSIM)"
    metrics: tuple[ScoreMetric, ...] = (PSNR,)
    preprocess_type: type[Any] = EnlargePreprocess
    postprocess_type: Any = EnlargedSpec
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Photographs:
        """See ``Photographs.read``."""
        if not isinstance(preprocess, EnlargePreprocess):
            kind = type(preprocess).__name__
            raise TypeError(f"{self.name} needs an EnlargePreprocess, not {kind}")
        return Photographs.read(path, limit, preprocess)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: EnlargePreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """Make the photographs small; see ``shrink``."""
        # Decoding takes OpenCV and Pillow, which the measured process has no use for.
        from loadscope.datasets.cache.array_cache_build import prepare_arrays
        from loadscope.datasets.image_enhancement.shrink import library_versions, shrunk

        own = self.own(dataset)
        least = _LEAST_SIDE + 2 * preprocess.scale

        def rows() -> Iterator[Tensors]:
            for index, name in enumerate(own.names):
                photograph = own.truth(index)
                height, width = photograph.shape[:2]
                if min(height, width) < least:
                    raise InputError(
                        f"image {own.path / name}: {width} x {height} pixels are compared, "
                        f"expected {least} x {least} at least",
                        "leave it out",
                    )
                yield {IMAGE: shrunk(photograph, preprocess.scale)}

        record = {
            "preprocess": preprocess.material(),
            "libraries": library_versions(),
            "samples_sha256": own.digest(cache_root, progress),
        }
        # PNG and JPEG files are smaller than what they hold by some factor of 2 to 20.
        needed = 20 * sum((own.path / name).stat().st_size for name in own.names)
        return prepare_arrays(
            cache_root, record, COLUMNS, rows(), len(own), needed // preprocess.scale**2, progress
        )

    def library(
        self,
        prepared: Path,
        preprocess: EnlargePreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> SmallImages:
        """See ``SmallImages``."""
        return SmallImages(prepared, preprocess, inputs, layout)

    def postprocess(
        self, spec: EnlargedSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``enlarged.postprocess``."""
        if not isinstance(library, SmallImages):
            raise TypeError(f"{self.name} needs its own library, not {type(library).__name__}")
        return postprocess(spec, library.size, library.spec.scale, library.spec.colour)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why photographs do not go in, or larger ones do not come out."""
        preprocess: EnlargePreprocess = entry.preprocess
        spec: EnlargedSpec = entry.postprocess
        if entry.layout not in ("NCHW", "NHWC"):
            yield Misfit("layout", "an image needs NCHW or NHWC")
            return
        size = preprocess.size
        wanted = _shapes(size or ANY_SIZE, entry.layout == "NCHW") | _shapes(
            ANY_SIZE, entry.layout == "NCHW"
        )
        shapes = {one.name: tuple(one.shape) for one in entry.inputs}
        if len(shapes) != 1 or not wanted & set(shapes.values()):
            yield Misfit(
                "inputs",
                f"must be one image of shape {' or '.join(map(str, map(list, sorted(wanted))))}, "
                f"as layout and preprocess.size say, not {shapes}",
            )
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
            return
        first = spec.channels == "first"
        large = _shapes(size * preprocess.scale or ANY_SIZE, first) | _shapes(ANY_SIZE, first)
        if tuple(output.shape) not in large:
            yield Misfit(
                f"outputs.{spec.output}",
                f"shape {list(output.shape)} is not "
                f"{' or '.join(map(str, map(list, sorted(large))))}, the image by scale "
                f"{preprocess.scale} (channels: {spec.channels})",
            )

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """One image in and a larger one out, both of fixed sizes."""
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            return None
        given, found = model.inputs[0], model.outputs[0]
        for layout, channels in (("NCHW", "first"), ("NHWC", "last")):
            low, high = (_square(one, channels == "first") for one in (given, found))
            if low and high and high % low == 0 and 2 <= high // low <= 16:
                asked = dict(preprocess) if isinstance(preprocess, dict) else {}
                return Draft(
                    preprocess={"scale": high // low, "size": low, **asked},
                    postprocess={"output": found.name, "channels": channels},
                    layout=layout,
                    outputs=[found.name],
                    assumed=[] if asked else ["pixels of 0 to 255 in and out, rgb"],
                )
        return None

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """What the bicubic filter makes of the small picture, and what the model does."""
        from loadscope.datasets.image_enhancement.enlarged_score import compared
        from loadscope.datasets.image_enhancement.shrink import enlarged, shrunk

        own = self.own(dataset)
        image, photograph, scale = unpacked(answers[0]), own.truth(0), own.spec.scale
        if image is None or image.shape != photograph.shape:
            raise WorkError(f"sample 0 is answered with {len(answers[0])} bytes")
        found = compared(image, photograph, scale)
        return (
            BeforeAfter(
                picture(enlarged(shrunk(photograph, scale), scale), "bicubic"),
                picture(image, "model"),
                f"made {scale} times smaller and enlarged: PSNR-Y {found.psnr:.2f} dB, bicubic "
                f"{found.bicubic_psnr:.2f}",
            ),
        )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph, and the size and quality of its enlargement."""
        from loadscope.datasets.image_enhancement.enlarged_score import compared

        own = self.own(sample.dataset)
        image, photograph = unpacked(answer), own.truth(sample.index)
        if image is None or image.shape != photograph.shape:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        found = compared(image, photograph, own.spec.scale)
        height, width = image.shape[:2]
        return Shown(
            self.image(sample),
            f"{width} x {height} pixels, PSNR-Y {found.psnr:.2f} dB (bicubic "
            f"{found.bicubic_psnr:.2f}), SSIM {found.ssim:.4f} ({found.bicubic_ssim:.4f})",
        )


def _shapes(size: int, first: bool) -> set[tuple[int, ...]]:
    return {(3, size, size) if first else (size, size, 3)}


def _square(one: ModelInput, first: bool) -> int:
    """The side of a square of three channels; 0 where a tensor is none, or of free sizes."""
    shape = tuple(one.shape)
    if len(shape) != 3:
        return 0
    depth, *sides = shape if first else (shape[2], *shape[:2])
    return sides[0] if depth == 3 and sides[0] == sides[1] > 3 else 0
