"""Accuracy logs that nobody ran a model for, with what a model's own are like.

Time to score depends on how many boxes lie near one another, and on how many tokens compete to
start an answer, so neither may be noise. The figures of boxes are those of COCO's val2017 (7.4 to
the image, of 2.9 categories, a third of them persons, 1 % crowds) and of YOLOX-nano's answers
above a score of 0.01 on some of its photographs.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS, CATEGORY_NAMES
from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW

WIDTH, HEIGHT = 640, 480
_MOST_TRUE, _MOST_FOUND = 63, 100
_CATEGORIES = np.array(CATEGORY_IDS, np.int64)
# Persons first, the rest by their rank.
_SHARES = 1 / np.arange(1, len(_CATEGORIES) + 1) ** 0.9
_SHARES /= _SHARES.sum()
_FALSE, _DUPLICATES = 40, 1.5
# Of a fine-tuned reader: tokens that are no answer, and the top of the ones that are.
_FLOOR, _SPREAD, _TOP = -6.0, 1.5, 6.0

Boxes = NDArray[np.float64]


def write_log(path: Path, payloads: Iterable[bytes]) -> None:
    """Write an accuracy log as LoadGen does, an entry a sample."""
    with path.open("w", encoding="ascii") as log:
        log.write("[\n")
        for at, payload in enumerate(payloads):
            # Line by line: the answers of a data set of volumes take gigabytes.
            before = ",\n" if at else ""
            data = payload.hex().upper()
            log.write(f'{before}{{ "seq_id" : {at}, "qsl_idx" : {at}, "data" : "{data}" }}')
        log.write("\n]\n")


def boxes(random: np.random.Generator, total: int) -> tuple[dict[str, Any], list[Boxes]]:
    """Annotations of so many images, and what a small detector finds in them.

    Returns:
        The contents of an annotation file, and the rows of each image, best first: sample, top,
        left, bottom, right, score, category id, the box in parts of the image.
    """
    annotated: list[dict[str, Any]] = []
    found = []
    for image in range(total):
        count = min(int(random.lognormal(1.6, 0.95)), _MOST_TRUE)
        here = random.choice(_CATEGORIES, 1 + random.poisson(1.9), p=_SHARES)
        corners, category = _corners(random, count), random.choice(here, count)
        for (left, top, right, bottom), number in zip(corners, category.tolist(), strict=True):
            width, height = (right - left) * WIDTH, (bottom - top) * HEIGHT
            annotated.append(
                {
                    "id": len(annotated) + 1,
                    "image_id": image + 1,
                    "category_id": number,
                    "bbox": [left * WIDTH, top * HEIGHT, width, height],
                    "area": 0.6 * width * height,
                    "iscrowd": int(random.random() < 0.01),
                }
            )
        found.append(_found(random, image, corners, category))
    images = [
        {"id": at + 1, "file_name": f"{at:012d}.jpg", "width": WIDTH, "height": HEIGHT}
        for at in range(total)
    ]
    categories = [
        {"id": int(number), "name": name}
        for number, name in zip(CATEGORY_IDS, CATEGORY_NAMES, strict=True)
    ]
    return {"images": images, "annotations": annotated, "categories": categories}, found


def as_results(found: list[Boxes]) -> list[dict[str, Any]]:
    """Boxes in pycocotools' own form."""
    return [
        {
            "image_id": int(image) + 1,
            "category_id": int(category),
            "bbox": [
                left * WIDTH, top * HEIGHT, (right - left) * WIDTH, (bottom - top) * HEIGHT
            ],
            "score": score,
        }
        for rows in found
        for image, top, left, bottom, right, score, category in rows.tolist()
    ]  # fmt: skip


def scores(random: np.random.Generator, squad: Squad) -> Iterator[NDArray[np.float32]]:
    """Start and end scores of each window, ``(384, 2)``, highest where an answer is.

    A window without the answer has a weaker peak somewhere, as a reader that must say something.
    """
    for question, start, size, _ in squad.windows.rows.tolist():
        before = len(squad.windows.asked[question]) + 2
        logits = np.zeros((LONGEST_WINDOW, 2), np.float32)
        used = before + size + 1
        logits[:used] = random.normal(_FLOOR, _SPREAD, (used, 2))
        first, last = _answer(squad, question)
        top = _TOP
        if not start <= first <= last < start + size:
            first = start + int(random.integers(size))
            last, top = min(first + 2, start + size - 1), _TOP / 4
        for column, token in enumerate((first, last)):
            at = before + token - start
            logits[at, column] = random.normal(top, 1)
            # Its neighbours compete.
            around = np.arange(max(before, at - 3), min(used - 1, at + 4))
            logits[around, column] += 5 / (1 + np.abs(around - at))
        yield logits


def _corners(random: np.random.Generator, count: int) -> Boxes:
    """So many boxes: left, top, right and bottom in parts of the image."""
    side = np.clip(random.lognormal(np.log(0.1), 1.0, (count, 1)), 0.01, 0.95)
    aspect = np.exp(random.normal(0, 0.35, (count, 1)))
    sides = np.clip(side * np.concatenate([aspect, 1 / aspect], 1), 0.01, 0.98)
    low = random.uniform(0, 1, (count, 2)) * (1 - sides)
    return np.concatenate([low, low + sides], 1)


def _found(
    random: np.random.Generator, image: int, true: Boxes, category: NDArray[np.int64]
) -> Boxes:
    seen = random.random(len(true)) < 0.65
    again = np.repeat(np.arange(len(true)), random.poisson(_DUPLICATES, len(true)))
    others = _corners(random, random.poisson(_FALSE))
    corners = np.concatenate(
        [_moved(random, true[seen], 0.07), _moved(random, true[again], 0.15), others]
    )
    strange = random.choice(_CATEGORIES, len(others), p=_SHARES)
    named = np.concatenate([category[seen], category[again], strange])
    score = np.concatenate(
        [
            random.beta(2, 1.5, seen.sum()),
            random.beta(1, 8, len(again)),
            0.01 + random.beta(1, 25, len(others)),
        ]
    )
    order = np.argsort(-score, kind="stable")[:_MOST_FOUND]
    columns = [np.full(len(score), image), *corners[:, [1, 0, 3, 2]].T, score, named]
    best: Boxes = np.stack(columns, 1)[order]
    return best


def _moved(random: np.random.Generator, corners: Boxes, share: float) -> Boxes:
    """Boxes with each corner moved by about a share of the box's sides."""
    sides = corners[:, 2:] - corners[:, :2]
    shifts = random.normal(0, share, corners.shape) * np.tile(sides, 2)
    moved = np.clip(corners + shifts, 0, 1)
    low, high = np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])
    return np.concatenate([low, high], 1)


def _answer(squad: Squad, question: int) -> tuple[int, int]:
    """The first and last token of an answer in its passage."""
    asked = squad.questions.questions[question]
    passage = squad.windows.passages[asked.context]
    text = " ".join(passage.words)
    begin = text.index(" ".join(asked.answers[0].split()))
    end = begin + len(asked.answers[0])
    ends = np.cumsum([len(word) + 1 for word in passage.words])
    words = np.searchsorted(ends, [begin, end - 1], side="right")
    return (
        int(np.searchsorted(passage.word, words[0], side="left")),
        int(np.searchsorted(passage.word, words[1], side="right")) - 1,
    )
