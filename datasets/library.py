"""The samples of a data set as LoadGen asks for them: what a task's ``library`` gives."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from loadscope.tensors import Tensors

Predict = Callable[[Tensors], Tensors]
"""A model's answer to a batch; ``Backend.predict`` is one."""


class LoadableSamples(Protocol):
    """The samples that LoadGen may ask for (its QSL), behind indices."""

    def __len__(self) -> int:
        """How many samples there are."""

    def load(self, indices: Sequence[int]) -> None:
        """Bring these samples into memory, ready to be fed."""

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples from memory."""


class SampleLibrary(LoadableSamples, Protocol):
    """Samples that a model in this process can be fed with.

    ``batch`` may be called from several threads at once, and only for loaded samples.
    """

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these samples, batch axis first, native byte order.

        They are valid until the same thread asks for its next batch.
        """


@runtime_checkable
class OrderedLibrary(SampleLibrary, Protocol):
    """A library whose samples differ in size, so that it matters which share a batch."""

    def order(self, indices: Sequence[int]) -> Sequence[int]:
        """The positions 0 to len(indices) - 1, those of like samples next to each other.

        The largest come first, so that no worker is left with a large batch at the end.
        """


@runtime_checkable
class ContiguousLibrary(SampleLibrary, Protocol):
    """A library that gives a batch of neighbours in its memory out as they lie there."""

    def in_runs(self, indices: Sequence[int]) -> Sequence[int]:
        """The positions 0 to len(indices) - 1, with neighbours in memory one after the other."""


@runtime_checkable
class PassesLibrary(SampleLibrary, Protocol):
    """A library whose samples take the model several passes, such as the windows of a volume.

    ``batch`` gives one pass of one sample, to warm up with and to look at.
    """

    def outputs(self, predict: Predict, index: int) -> Tensors:
        """A loaded sample's outputs, batch axis of one, put together from all its passes."""


def outputs_of(library: SampleLibrary, predict: Predict, index: int) -> Tensors:
    """A loaded sample's outputs, batch axis of one, whatever the library."""
    if isinstance(library, PassesLibrary):
        return library.outputs(predict, index)
    return predict(library.batch([index]))
