"""Answers to some samples of a data set, numbered as a data set of their own."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from loadscope.datasets.task import Answer
from loadscope.errors import WorkError


def selected(
    answers: Iterable[Answer], chosen: Sequence[int], row: int | None = None
) -> Iterator[Answer]:
    """Pass on the answers to chosen samples, under their positions among those.

    Args:
        answers: Of an accuracy log.
        chosen: Sample indices, without repeats.
        row: Where payloads are rows of so many ``<f4`` that begin with the sample's index, which
            is renumbered too.

    Raises:
        WorkError: Such a row begins with another sample's index.
    """
    position = {index: place for place, index in enumerate(chosen)}
    for answer in answers:
        place = position.get(answer.index)
        if place is None:
            continue
        payload = answer.payload
        if row is not None and len(payload) % (4 * row) == 0:
            values = np.frombuffer(payload, "<f4").reshape(-1, row).copy()
            strange = values[values[:, 0] != answer.index, 0]
            if strange.size:
                raise WorkError(
                    f"sample {answer.index} is answered with rows of sample {strange[0]:g}",
                    "the run is not to be trusted: run it again",
                )
            values[:, 0] = place
            payload = values.tobytes()
        yield Answer(place, payload)
