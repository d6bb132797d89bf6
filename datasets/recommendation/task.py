"""The task of foretelling clicks."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.declared import DeclaredModel, Misfit, ModelInput
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.recommendation.answered import answered, postprocess
from loadscope.datasets.recommendation.click_library import (
    COLUMNS,
    DENSE,
    SPARSE,
    TRUTH,
    ClickLibrary,
    click_inputs,
)
from loadscope.datasets.recommendation.click_spec import ClickPreprocess, ClickSpec
from loadscope.datasets.recommendation.clicks import Clicks
from loadscope.datasets.recommendation.metric import ACCURACY, AUC, NE
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.errors import WorkError
from loadscope.tensors import Tensors


class Recommendation(Task):
    """Rows of numbers and categories, AUC, normalised entropy and accuracy."""

    name = "recommendation"
    title = "Recommendation (AUC, NE, accuracy)"
    metrics: tuple[ScoreMetric, ...] = (AUC, NE, ACCURACY)
    preprocess_type: type[Any] = ClickPreprocess
    postprocess_type: Any = ClickSpec
    inputs = "rows"
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Clicks:
        """See ``Clicks.read``."""
        if not isinstance(preprocess, ClickPreprocess):
            kind = type(preprocess).__name__
            raise TypeError(f"{self.name} needs a ClickPreprocess, not {kind}")
        return Clicks.read(path, limit, preprocess, metric or AUC.name)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: ClickPreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """Write features and labels into the cache."""
        from loadscope.datasets.cache.array_cache_build import prepare_arrays

        own = self._own(dataset)

        def rows() -> Iterator[Tensors]:
            for index in range(len(own)):
                dense, sparse = own.features(index)
                yield {DENSE: dense, SPARSE: sparse, TRUTH: own.truth(index)}

        record = {
            "preprocess": preprocess.material(),
            "samples_sha256": own.digest(cache_root, progress),
        }
        row = 4 * (preprocess.dense + preprocess.sparse + 2)
        needed = len(own) * (row * preprocess.candidates + 32)
        return prepare_arrays(cache_root, record, COLUMNS, rows(), len(own), needed, progress)

    def library(
        self,
        prepared: Path,
        preprocess: ClickPreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> ClickLibrary:
        """See ``ClickLibrary``."""
        return ClickLibrary(prepared, preprocess, inputs)

    def postprocess(
        self, spec: ClickSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``answered.postprocess``."""
        if not isinstance(library, ClickLibrary):
            raise TypeError(f"{self.name} needs its own library, not {type(library).__name__}")
        return postprocess(spec, library.truth, library.spec.candidates)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why rows do not go in, or one number a row does not come out."""
        preprocess: ClickPreprocess = entry.preprocess
        if click_inputs(entry.inputs, preprocess) is None:
            yield Misfit(
                "inputs",
                f"must be float32 [{preprocess.dense}] and int32 or int64 [{preprocess.sparse}], "
                "as preprocess says",
            )
        spec: ClickSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
        elif tuple(output.shape) not in ((), (1,)):
            yield Misfit(
                f"outputs.{spec.output}", f"shape {list(output.shape)} is not [] or [1], a number"
            )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Give the label, and how likely a click was taken to be."""
        found = answered(answer)
        if found is None:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        clicks = int(found.labels.sum())
        said = ", ".join(f"{each:.3f}" for each in found.predictions[:5])
        more = ", ..." if len(found.predictions) > 5 else ""
        rows = "a row" if len(found.labels) == 1 else f"{len(found.labels)} rows"
        return Shown(f"query {sample.index}, {rows}, {clicks} clicked", f"clicks {said}{more}")

    def _own(self, dataset: Dataset) -> Clicks:
        if not isinstance(dataset, Clicks):
            raise TypeError(f"{self.name} reads Clicks, not {type(dataset).__name__}")
        return dataset
