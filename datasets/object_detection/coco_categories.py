"""COCO's categories, and those of data sets in its format."""

from collections.abc import Mapping

import numpy as np

# Ids that the challenge's paper lists and its data never had.
_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}

CATEGORY_IDS = np.array([number for number in range(1, 91) if number not in _UNUSED], np.float32)
"""The 80 ids in their order (``categories`` of instances_val2017.json): what a model that counts
its classes from 0 without gaps means by each. Shape ``(80,)``; float32, as payloads hold them."""

_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports
ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine
glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot
dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
vase, scissors, teddy bear, hair drier, toothbrush
"""

CATEGORY_NAMES = tuple(" ".join(_NAMES.split()).split(", "))
"""Their names, in the same order."""


def class_ids(categories: Mapping[int, str]) -> tuple[int, ...]:
    """What a data set calls each class of a model that counts classes from 0 without gaps.

    Class n is the n-th category of the file, whatever its id. Where the names are COCO's 80, the
    order is COCO's, whatever that of the file.

    Args:
        categories: Names by id, in the file's order.
    """
    ids = {" ".join(name.casefold().split()): number for number, name in categories.items()}
    if len(ids) == len(categories) and ids.keys() == set(CATEGORY_NAMES):
        return tuple(ids[name] for name in CATEGORY_NAMES)
    return tuple(categories)
