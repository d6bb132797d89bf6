"""COCO's categories."""

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
