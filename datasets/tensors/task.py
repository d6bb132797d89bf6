"""The task of any model: its inputs as they are, its outputs as they come, no score."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
    ModelInput,
)
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Payloads,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.datasets.tensors.arrays import Arrays, FileArrays, RandomArrays
from loadscope.datasets.tensors.tensors_cache import TensorsLibrary, prepare
from loadscope.datasets.tensors.tensors_spec import TensorsPostprocess, TensorsPreprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors, fits


class AnyTensors(Task):
    """Arrays from files, or random ones; performance and layers, never accuracy."""

    name = "tensors"
    title = "Any inputs (performance alone)"
    metrics: tuple[ScoreMetric, ...] = ()
    preprocess_type: type[Any] = TensorsPreprocess
    postprocess_type: Any = TensorsPostprocess
    inputs = "tensors"
    any_model = True

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Arrays:
        """See ``FileArrays.read``."""
        return FileArrays.read(path, limit, self._spec(preprocess))

    def sizes(self, path: Path, inputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """See ``FileArrays.sizes``."""
        return FileArrays.sizes(path, inputs)

    def generate(self, limit: int | None, preprocess: Any) -> Arrays:
        """See ``RandomArrays``."""
        return RandomArrays(self._spec(preprocess), limit)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: TensorsPreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``tensors_cache.prepare``."""
        return prepare(self._own(dataset), cache_root, progress)

    def library(
        self,
        prepared: Path,
        preprocess: TensorsPreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> TensorsLibrary:
        """See ``TensorsLibrary``; samples are kept as the model takes them."""
        return TensorsLibrary(prepared, inputs)

    def postprocess(
        self, spec: TensorsPostprocess, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """Make the function that lays a sample's outputs one behind the other, as ``<f4``."""

        def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
            count = len(indices)
            rows = []
            for name in spec.outputs or outputs:
                output = outputs[name]
                if output.ndim == 0 or len(output) != count:
                    raise WorkError(
                        f"the model's output '{name}' has shape {output.shape} for {count} samples",
                        "leave it out of outputs in the model's manifest, or use --batch-size 1",
                    )
                rows.append(output.reshape(count, -1))
            whole = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
            return np.ascontiguousarray(whole, "<f4")

        return payloads

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why what preprocessing names is not what the model takes."""
        spec: TensorsPreprocess = entry.preprocess
        declared = {one.name: one for one in entry.inputs}
        for name in [*declared, *(name for name in spec.inputs if name not in declared)]:
            given, known = spec.inputs.get(name), declared.get(name)
            place = f"preprocess.inputs.{name}"
            if given is None:
                yield Misfit(place, "is missing; the model takes it")
            elif known is None:
                yield Misfit(place, f"unknown input; the model takes {', '.join(declared)}")
            elif given.dtype != known.dtype or not fits(given.shape, tuple(known.shape)):
                yield Misfit(
                    place,
                    f"{given.dtype} {list(given.shape)} is not the input's {known.dtype} "
                    f"{list(known.shape)}",
                )
        for name in entry.postprocess.outputs:
            if entry.output(name) is None:
                yield entry.unread(name)

    def infer(self, model: FileModel, preprocess: Asked) -> Draft:
        """Every input as the file has it, and every output.

        Raises:
            InputError: A size is free, or ``preprocess`` is not settings.
        """
        if isinstance(preprocess, str):
            raise InputError(
                f"--preprocess: the task {self.name} has none called '{preprocess}'",
                "leave it out, or give a YAML file with inputs: their low and high",
            )
        given: Mapping[str, Any] = preprocess or {}
        ranges = given.get("inputs", {})
        inputs: dict[str, Any] = {}
        free = []
        for one in model.inputs:
            own = ranges.get(one.name, {}) if isinstance(ranges, Mapping) else {}
            shape = tuple(own.get("shape", one.shape)) if isinstance(own, Mapping) else one.shape
            if ANY_SIZE in shape:
                free.append(one)
            inputs[one.name] = {"dtype": one.dtype, "shape": list(shape)}
            inputs[one.name] |= own if isinstance(own, Mapping) else {}
        if free:
            shown = "; ".join(f"'{one.name}' [{_example(one.shape, 'N', '?')}]" for one in free)
            mend = " ".join(f"--shape {one.name}={_example(one.shape, '1', '128')}" for one in free)
            raise InputError(f"the file leaves sizes of its inputs free: {shown}", f"add {mend}")
        whole = [one.name for one in model.inputs if "int" in one.dtype and not ranges]
        return Draft(
            preprocess={**given, "inputs": inputs},
            postprocess={},
            outputs=[one.name for one in model.outputs],
            sizes={name: tuple(one["shape"]) for name, one in inputs.items()},
            assumed=[f"whole numbers are 0 or 1 if random: {', '.join(whole)}"] if whole else [],
        )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Tell the sample's number, and how many numbers answer it."""
        dataset = self._own(sample.dataset)
        name = f"{dataset.path}: " if dataset.path.name else ""
        return Shown(f"{name}sample {sample.index}", f"{len(answer) // 4} numbers")

    def _own(self, dataset: Dataset) -> Arrays:
        if not isinstance(dataset, Arrays):
            raise TypeError(f"{self.name} reads Arrays, not {type(dataset).__name__}")
        return dataset

    def _spec(self, preprocess: Any) -> TensorsPreprocess:
        if not isinstance(preprocess, TensorsPreprocess):
            raise TypeError(
                f"{self.name} needs a TensorsPreprocess, not {type(preprocess).__name__}"
            )
        return preprocess


def _example(shape: Sequence[int], batch: str, free: str) -> str:
    return ",".join([batch, *(free if size == ANY_SIZE else str(size) for size in shape)])
