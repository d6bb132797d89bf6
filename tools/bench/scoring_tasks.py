"""Rows for scoring masks, volumes, clicks, photographs and summaries, at their full sizes."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.image_mask import ImageMask
from loadscope.datasets.adapters.volume_mask import VolumeMask, nifti_library
from loadscope.datasets.image_enhancement.enlarged import packed as packed_image
from loadscope.datasets.image_enhancement.enlarged_score import score_enlarged
from loadscope.datasets.instance_segmentation.found import Instance
from loadscope.datasets.instance_segmentation.found import packed as packed_instances
from loadscope.datasets.instance_segmentation.mask_annotations import read_masks
from loadscope.datasets.instance_segmentation.mask_score import score_instances
from loadscope.datasets.language_generation.rouge import ROUGE, score_answers
from loadscope.datasets.language_generation.tokenizer import ByteTokenizer
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.recommendation.click_score import score_clicks
from loadscope.datasets.semantic_segmentation.class_maps import packed as packed_classes
from loadscope.datasets.semantic_segmentation.mean_iou import score_maps
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess
from loadscope.datasets.volume_segmentation.volumes import Volumes
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.suite.models.manifest import Catalogue
from loadscope.tools.bench.made_logs import HEIGHT, WIDTH, boxes, write_log

MOST_S = 60.0
"""No score of a full log takes longer on two cores."""

_CASE = (120, 512, 512)
"""Voxels of a case, of 3 x 0.78 x 0.78 mm: MLPerf's 43 of KiTS19 have 1e9 as they are fed."""

_ADE20K_CLASSES, _GRID, _SURE = 150, 96, 10
"""A network's own grid of instances, pixels along a side, and how many it finds in a picture."""


def write_volumes(folder: Path, cases: int) -> tuple[Path, Volumes]:
    """A log of answers, one voxel of ten wrong, and a data set whose cases have one content."""
    nibabel = nifti_library("volumes")
    random = np.random.default_rng(0)
    mask = np.zeros(_CASE, np.uint8)
    mask[30:90, 180:330, 120:240], mask[40:70, 200:240, 140:190] = 1, 2
    scale = np.diag([3.0, 0.78, 0.78, 1])
    whole = {"imaging": mask.astype(np.int16), "segmentation": mask}
    for number in range(cases):
        case = folder / "data" / f"case_{number:05d}"
        case.mkdir(parents=True)
        for name, voxels in whole.items():
            path = case / f"{name}.nii.gz"
            if number:
                path.symlink_to(folder / "data" / "case_00000" / path.name)
            else:
                content = nibabel.Nifti1Image(voxels, scale).to_bytes()
                path.write_bytes(gzip.compress(content, 1))
    spec = Catalogue.load().get("3d-unet").artifact_for("onnxruntime").preprocess
    assert isinstance(spec, VolumePreprocess)
    volumes = Volumes.read(folder / "data", None, spec, VolumeMask(), 3)
    truth = volumes.truth(0)
    wrong = random.random(truth.shape) < 0.1
    payload = np.where(wrong, (truth + 1) % 3, truth).astype(np.uint8).tobytes()
    log = folder / "log.json"
    write_log(log, (payload for _ in range(cases)))
    return log, volumes


def volumes(log: Path, dataset: Volumes, total: int, progress: Progress) -> Score:
    """Score as a run does: each mask is read and brought to what was fed."""
    return dataset.score(read_accuracy_log(log), progress)


def write_masks(folder: Path, total: int) -> tuple[Path, Path]:
    """A log of maps of 512 x 512, and a label picture of a photograph's size."""
    from PIL import Image

    random = np.random.default_rng(0)
    coarse = random.integers(0, _ADE20K_CLASSES, (16, 16)).astype(np.uint8)
    picture = folder / "mask.png"
    Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST).save(picture)
    found = np.asarray(Image.fromarray(coarse).resize((512, 512), Image.Resampling.NEAREST))
    payload = packed_classes(found.astype(np.int32)).tobytes()
    log = folder / "log.json"
    write_log(log, (payload for _ in range(total)))
    return log, picture


def masks(log: Path, picture: Path, total: int, progress: Progress) -> Score:
    """Each label picture is decoded, as of a data set of so many."""
    form = ImageMask(images="images", masks="masks")

    def truth(_: int) -> NDArray[np.uint8]:
        return form.classes(picture)

    return score_maps(read_accuracy_log(log), truth, total, _ADE20K_CLASSES, progress)


def write_instances(folder: Path, total: int) -> tuple[Path, Path]:
    """Objects as many and as large as COCO's, their masks polygons of twelve points."""
    random = np.random.default_rng(0)
    annotations, _ = boxes(random, total)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    payloads: list[list[Instance]] = [[] for _ in range(total)]
    kinds = {one["id"]: at for at, one in enumerate(annotations["categories"])}
    rows, columns = (np.arange(_GRID) + 0.5)[:, None], (np.arange(_GRID) + 0.5)[None, :]
    for one in annotations["annotations"]:
        left, top, width, height = one["bbox"]
        across, down = left + width / 2, top + height / 2
        outline = np.stack(
            [across + width / 2 * np.cos(angles), down + height / 2 * np.sin(angles)], 1
        )
        one["segmentation"] = [outline.reshape(-1).tolist()]
        one["iscrowd"] = 0
        here = payloads[one["image_id"] - 1]
        if len(here) < _SURE:
            x, y = (columns * WIDTH / _GRID - across), (rows * HEIGHT / _GRID - down)
            shift = random.normal(1, 0.1, 2)
            mask = (2 * x / width * shift[0]) ** 2 + (2 * y / height * shift[1]) ** 2 <= 1
            here.append(Instance(float(random.random()), kinds[one["category_id"]], mask))
    truth, log = folder / "truth.json", folder / "log.json"
    truth.write_text(json.dumps(annotations), encoding="utf-8")
    write_log(log, (packed_instances(one, (_GRID, _GRID)).tobytes() for one in payloads))
    return log, truth


def instances(log: Path, truth: Path, total: int, progress: Progress) -> Score:
    """Annotations are read and scored by pycocotools."""
    annotations = read_masks(truth)
    return score_instances(read_accuracy_log(log), annotations, range(total), progress)


def write_clicks(folder: Path, total: int) -> tuple[Path, NDArray[np.float32]]:
    """Likelihoods that clicks are drawn from, a row a query, in dlrm-v3's form."""
    random = np.random.default_rng(0)
    likely = random.beta(1, 3, total).astype(np.float32)
    truth = np.ones((total, 2), np.float32)
    truth[:, 0] = random.random(total) < likely
    around = np.zeros(total), np.arange(total), likely, *truth.T, np.ones(total)
    whole = np.stack(around, 1).astype("<f4")
    log = folder / "log.json"
    write_log(log, (row.tobytes() for row in whole))
    return log, truth


def clicks(log: Path, truth: NDArray[np.float32], total: int, progress: Progress) -> Score:
    """AUC, normalised entropy and accuracy of all rows."""
    answers: Iterator[Answer] = read_accuracy_log(log)
    return score_clicks(answers, truth.__getitem__, total, progress=progress)


def write_photographs(folder: Path, total: int) -> tuple[Path, NDArray[np.uint8]]:
    """Answers of one photograph of DIV2K's size, enlarged fourfold, with noise."""
    random = np.random.default_rng(0)
    photograph = random.integers(0, 256, (1356, 2040, 3)).astype(np.uint8)
    noisy = (photograph.astype(np.int16) + random.integers(-3, 4, photograph.shape)).clip(0, 255)
    payload = packed_image(noisy.astype(np.uint8)).tobytes()
    log = folder / "log.json"
    write_log(log, (payload for _ in range(total)))
    return log, photograph


def photographs(log: Path, photograph: NDArray[np.uint8], total: int, progress: Progress) -> Score:
    """Each answer is compared, and what the filter makes of the photograph beside it."""
    return score_enlarged(read_accuracy_log(log), lambda _: photograph, total, 4, progress)


def write_summaries(folder: Path, total: int) -> tuple[Path, list[str]]:
    """Summaries of 56 words of English form, six of ten the reference's, as of CNN/DailyMail."""
    random = np.random.default_rng(0)
    letters = list("etaoinshrdlucmfwypvbgk")
    words = np.array(["".join(random.choice(letters, random.integers(2, 9))) for _ in range(8_000)])
    references: list[str] = []
    heard: list[str] = []
    for _ in range(total):
        said = random.choice(words, 56)
        answer = np.where(random.random(56) < 0.6, said, random.choice(words, 56))
        for text, kept in ((said, references), (answer, heard)):
            parts = [" ".join(part).capitalize() + "." for part in np.split(text, 4)]
            kept.append(" ".join(parts))
    log = folder / "log.json"
    write_log(log, (np.frombuffer(t.encode(), np.uint8).astype("<i4").tobytes() for t in heard))
    return log, references


def summaries(log: Path, references: list[str], total: int, progress: Progress) -> Score:
    """ROUGE with the stemmer, on all cores."""
    metric: ScoreMetric = ROUGE["rouge1"]
    return score_answers(read_accuracy_log(log), references, ByteTokenizer(), metric, progress)


class Job(NamedTuple):
    """A log to be made and scored.

    Attributes:
        task: What the row is called.
        what: The samples, of which there are as many as in the data set that is named.
        samples: How many.
        write: Makes the log, and what answers are held against.
        score: Scores it.
    """

    task: str
    what: str
    samples: int
    write: Callable[[Path, int], tuple[Path, Any]]
    score: Callable[[Path, Any, int, Progress], Score]


JOBS = (
    Job("volumes", "volumes (3D-UNet)", 43, write_volumes, volumes),
    Job("masks", "maps of classes (ADE20K)", 2_000, write_masks, masks),
    Job("instances", "pictures with instances (COCO)", 5_000, write_instances, instances),
    Job("clicks", "queries (dlrm-v3)", 349_823, write_clicks, clicks),
    Job("photographs", "photographs (DIV2K)", 100, write_photographs, photographs),
    Job("summaries", "summaries (CNN/DailyMail)", 13_368, write_summaries, summaries),
)
