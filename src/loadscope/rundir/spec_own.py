"""What is said of a model that has no manifest, and of the arrays that any model is fed with."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator

from loadscope.rundir.spec_fields import Group, told
from loadscope.rundir.spec_names import HerePath, NameOrFile
from loadscope.shapes import sizes_text

ShapeText = Annotated[str, BeforeValidator(sizes_text)]


class OwnModelSpec(BaseModel):
    """The fields of a ``RunSpec`` that are for a model's file alone, or for arrays."""

    task: Annotated[
        str | None,
        told(
            Group.OWN,
            "The task of a model's file, where its tensors do not tell; tensors measures any "
            "model on any inputs, without accuracy.",
            completes="tasks",
        ),
    ] = None
    preprocess: Annotated[
        NameOrFile | None,
        told(
            Group.OWN,
            "What is done to a sample for a model's file: for images imagenet, unit (0 to 1) or "
            "raw (0 to 255); or a YAML file with the settings.",
        ),
    ] = None
    labels: Annotated[
        HerePath | None,
        told(Group.OWN, "File of the true answers, where the data set's folder has none."),
    ] = None
    shape: Annotated[
        dict[str, ShapeText],
        told(
            Group.OWN,
            "Sizes of an input that a model's file leaves free, the batch's first, e.g. "
            "input_ids=1,128; with its type where that is not told: input_ids=1,128:int64.",
        ),
    ] = {}
    input_data: Annotated[
        HerePath | None,
        told(
            Group.OWN,
            "Arrays to feed: FILE.npz with one for each input, or a folder of <input>.npy; the "
            "first axis is the sample.",
        ),
    ] = None
    random_inputs: Annotated[
        bool,
        told(Group.OWN, "Feed seeded random numbers of the inputs' shapes, --count samples."),
    ] = False
