"""Scoring of enlarged photographs, beside what a plain filter makes of them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from loadscope.datasets.cache.record_workers import available_cores
from loadscope.datasets.image_enhancement.enlarged import unpacked
from loadscope.datasets.image_enhancement.metric import PSNR
from loadscope.datasets.image_enhancement.quality import luma, psnr, ssim
from loadscope.datasets.image_enhancement.shrink import Pixels, enlarged, shrunk
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import WorkError

_FIX = "the run is not to be trusted: run accuracy mode again"


class Quality(NamedTuple):
    """PSNR in dB and SSIM, of an answer and of the bicubic filter's."""

    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float


def score_enlarged(
    answers: Iterable[Answer],
    truth: Callable[[int], Pixels],
    samples: int,
    scale: int,
    progress: Progress | None = None,
) -> Score:
    """Compare enlarged photographs with the photographs.

    PSNR and SSIM are of the luma, less ``scale`` pixels at each border, as in the tables of
    published networks (Lim et al., Enhanced Deep Residual Networks for Single Image
    Super-Resolution, 2017, section 4.1). Each is a mean over the images. Beside them stands what
    Pillow's bicubic filter makes of the same small images. Of a sample's several answers the
    first counts.

    Args:
        answers: In any order, each of a payload of ``enlarged.postprocess``.
        truth: Gives the photograph that a sample was made from.
        samples: How many must be answered.
        scale: By how much they are enlarged.
        progress: Told how many samples are done.

    Returns:
        ``value`` is PSNR in dB; ``details`` has ``ssim``, both of the filter, the gain in dB, and
        the number of images that are better than the filter's. ``line`` and ``remark`` say whether
        the network is better than the filter.

    Raises:
        WorkError: A sample is not answered, or by what is no image of its size.
    """
    found: list[Quality] = []
    for quality in _compared(_first(answers, samples), truth, scale):
        found.append(quality)
        if progress is not None:
            progress("scoring", len(found), samples)
    means = Quality(*np.mean(np.array(found), axis=0).tolist())
    gain, likeness = means.psnr - means.bicubic_psnr, means.ssim - means.bicubic_ssim
    verdict = _verdict(gain, likeness)
    return Score(
        metric=PSNR,
        value=means.psnr,
        samples=samples,
        line=(
            f"PSNR-Y={means.psnr:.3f} dB, SSIM={means.ssim:.4f}, "
            f"bicubic PSNR-Y={means.bicubic_psnr:.3f} dB, SSIM={means.bicubic_ssim:.4f}, "
            f"{verdict}, scale={scale}, total={samples}"
        ),
        details={
            **means._asdict(),
            "gain_db": gain,
            "better_images": sum(one.psnr > one.bicubic_psnr for one in found),
        },
        remark=f"{verdict}: PSNR {gain:+.2f} dB, SSIM {likeness:+.4f}",
    )


def _verdict(gain: float, likeness: float) -> str:
    """What may be said of a network beside the filter."""
    if gain > 0 and likeness > 0:
        return "better than bicubic"
    return "NO BETTER than bicubic" if gain <= 0 else "PSNR better than bicubic, SSIM no better"


def compared(image: Pixels, photograph: Pixels, scale: int) -> Quality:
    """The quality of one answer.

    Args:
        image: The answer.
        photograph: Of the same size.
        scale: By how much it was enlarged.
    """
    bicubic = enlarged(shrunk(photograph, scale), scale)
    true, given, plain = (
        luma(each)[scale:-scale, scale:-scale] for each in (photograph, image, bicubic)
    )
    return Quality(psnr(given, true), ssim(given, true), psnr(plain, true), ssim(plain, true))


def _first(answers: Iterable[Answer], samples: int) -> Iterator[Answer]:
    """The first answer of each sample; then the error where one is missing."""
    answered = np.zeros(samples, np.bool_)
    for answer in answers:
        if not 0 <= answer.index < samples:
            raise WorkError(f"sample {answer.index} is not among the {samples} samples", _FIX)
        if not answered[answer.index]:
            answered[answer.index] = True
            yield answer
    if not answered.all():
        missing = np.flatnonzero(~answered)
        more = f" ({len(missing) - 1} more like it)" if len(missing) > 1 else ""
        raise WorkError(f"sample {missing[0]} is not answered{more}", _FIX)


def _compared(
    answers: Iterator[Answer], truth: Callable[[int], Pixels], scale: int
) -> Iterator[Quality]:
    """Qualities in the order of the answers, on all cores; a few images are in memory at once."""
    workers = available_cores()

    def work(answer: Answer) -> Quality:
        image, photograph = unpacked(answer.payload), truth(answer.index)
        if image is None or image.shape != photograph.shape:
            got = (
                f"{len(answer.payload)} bytes, no image" if image is None
                else f"{image.shape[1]} x {image.shape[0]} pixels"
            )  # fmt: skip
            raise WorkError(
                f"sample {answer.index} is answered with {got}, expected "
                f"{photograph.shape[1]} x {photograph.shape[0]} pixels",
                _FIX,
            )
        return compared(image, photograph, scale)

    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[Quality]] = deque()
        for answer in answers:
            ahead.append(pool.submit(work, answer))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
