"""Answers to some samples of a data set, numbered as a data set of their own."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from loadscope.datasets.protocol import Answer


def selected(
    answers: Iterable[Answer], chosen: Sequence[int], row: int | None = None
) -> Iterator[Answer]:
    """Pass on the answers to chosen samples, under their positions among those.

    Args:
        answers: Of an accuracy log.
        chosen: Sample indices, without repeats.
        row: Where payloads are rows of so many ``<f4`` that begin with the sample's index, which
            is renumbered too.
    """
    position = {index: place for place, index in enumerate(chosen)}
    for answer in answers:
        place = position.get(answer.index)
        if place is None:
            continue
        payload = answer.payload
        if row is not None and len(payload) % (4 * row) == 0:
            values = np.frombuffer(payload, "<f4").reshape(-1, row).copy()
            own = values[:, 0] == answer.index
            # A row that names another sample stays wrong, for the scoring to find.
            values[:, 0] = np.where(own, place, -1)
            payload = values.tobytes()
        yield Answer(place, payload)
