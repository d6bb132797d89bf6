"""Which options of each backend are worth searching, told without importing any framework."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tunable:
    """An option of a backend that changes its speed.

    Attributes:
        name: The option's name.
        values: What to try; the first is what the backend does where the option is not given.
        numerics: Whether answers may change by more than the order of float32 additions, so
            that accuracy must be measured again.
        inputs: What a model must take for the option to make a difference (``Task.inputs``);
            None for anything.
    """

    name: str
    values: tuple[Any, ...]
    numerics: bool = False
    inputs: str | None = None


TUNABLES: dict[str, tuple[Tunable, ...]] = {
    "onnxruntime": (Tunable("allow_spinning", (True, False)), Tunable("arena", (True, False))),
    "pytorch": (
        Tunable("channels_last", (False, True), inputs="images"),
        Tunable("fold_batch_norm", (False, True), inputs="images"),
        Tunable("onednn_linear", (False, True), inputs="texts"),
        Tunable("compile", (False, True)),
        Tunable("dtype", ("float32", "bfloat16"), numerics=True),
    ),
    "tensorflow": (
        Tunable("inter_op", (-1, 1, 2)),
        Tunable("dtype", ("float32", "bfloat16"), numerics=True),
    ),
    "mxnet": (Tunable("fusion", (True, False)),),
    "null": (Tunable("shortcut", (False, True)),),
}
"""By backend name; what is left out is no faster anywhere, or is chosen by threads already."""
