"""A run and a trace as a program has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.rundir.record import ModeState
from loadscope.rundir.result import AccuracyRecord, RecordedMetric
from loadscope.suite.library.tables import data_frame, html_table
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.export import Row, row_of_test
from loadscope.suite.report.latencies import read_latencies
from loadscope.suite.report.marks import NOT_VERIFIED, Marks
from loadscope.suite.report.metric_columns import metric_columns
from loadscope.suite.report.trace.facts import NOT_A_RESULT, summary
from loadscope.suite.report.trace.record import layer_record
from loadscope.suite.report.trace.rows import has_bodies, headings, layer_cells
from loadscope.suite.report.wording import accuracy_text, metric_text, verdict
from loadscope.suite.run.view import RunView, load_run
from loadscope.suite.trace.view import TraceView, load_trace
from loadscope.suite.worker.tracing.events import EVENTS_FILE

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 15


@dataclass(frozen=True, repr=False)
class Run:
    """A run directory, read once.

    Attributes:
        view: All that is known of it.
    """

    view: RunView

    @classmethod
    def read(cls, path: Path) -> "Run":
        """Read the run directory ``path``.

        Raises:
            InputError: It is none, or one of its files is corrupt.
        """
        return cls(load_run(path))

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.view.path

    @property
    def model(self) -> str:
        """The model's id."""
        return self.view.model.id

    @property
    def framework(self) -> str:
        """The backend's name."""
        return self.view.framework

    @property
    def scenario(self) -> Scenario:
        """The LoadGen scenario."""
        return self.view.scenario

    @property
    def metric(self) -> RecordedMetric | None:
        """The figure that the scenario is judged by; None before its performance test ended."""
        return self.view.metric

    @property
    def metrics(self) -> dict[str, float | None]:
        """Every metric by its name, None where the run has none; see ``suite/metrics``."""
        return {metric.name: metric.of(self.view) for metric in metrics()}

    @property
    def accuracy(self) -> AccuracyRecord | None:
        """The score; None where none was made, or the logs are not as the test left them."""
        return None if Mode.ACCURACY in self.view.altered else self.view.accuracy

    @property
    def valid(self) -> bool | None:
        """Whether the performance result counts; None before there is one.

        LoadGen has called it VALID, and the logs are as the test left them.
        """
        return None if self.view.valid is None else verdict(self.view).kind == "valid"

    @property
    def reason(self) -> str:
        """``valid``, or why it is not, in words."""
        return verdict(self.view).text

    @property
    def rehearsal(self) -> tuple[str, ...]:
        """Why it is shorter than full length; empty when it is not."""
        return self.view.rehearsal

    @property
    def state(self) -> Mapping[Mode, ModeState]:
        """How each LoadGen test stands: time to load, peak memory, noise, what was in force."""
        return self.view.states

    @property
    def trace(self) -> "Trace | None":
        """Its trace; None where it was not traced."""
        traced = (self.path / EVENTS_FILE).is_file()
        return Trace(load_trace(self.path)) if traced else None

    def layers(self) -> "DataFrame":
        """The layers of its trace; see ``Trace.layers``.

        Raises:
            InputError: It was not traced.
        """
        return Trace(load_trace(self.path)).layers()

    def rows(self) -> list[Row]:
        """The rows of ``Runs.to_pandas``, one a LoadGen test."""
        return [row_of_test(self.view, test) for test in self.view.states]

    def percentiles(self) -> "DataFrame":
        """The latencies of the performance test, to draw as a curve.

        Returns:
            At most 400 rows, dense towards the slow end: ``percentile`` in [0, 100), and
            ``latency_ms``, which that share of the queries is below.

        Raises:
            InputError: It has none: no performance test, or Offline, which is one query.
        """
        file = self.view.latency_file
        if file is None or self.scenario is Scenario.OFFLINE:
            raise InputError(
                f"{self.path}: no latencies of queries ({self.scenario}, {self.reason})",
                "run SingleStream, MultiStream or Server with --mode performance",
            )
        found = read_latencies(file)
        points = zip(found.ranks, found.values_ns, strict=True)
        return data_frame(
            {**_names(self.view), "percentile": 100 * rank / found.queries, "latency_ms": ns / 1e6}
            for rank, ns in points
        )

    def __repr__(self) -> str:
        """Name it and its result."""
        marks = ", ".join(Marks([self.view]).of(self.view))
        system = f"{self.model} {self.view.system} {self.scenario}"
        return f"<Run {system}: {metric_text(self.view)}, {self.reason}, {marks}>"

    def _repr_html_(self) -> str:
        return runs_html([self.view])


@dataclass(frozen=True, repr=False)
class Trace:
    """Where the time of a traced run went.

    Attributes:
        view: All that is known of it.
    """

    view: TraceView

    @property
    def run(self) -> Run:
        """The run around it."""
        return Run(self.view.run)

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.view.run.path

    @property
    def predict_ms(self) -> float:
        """The median time of a predict, milliseconds."""
        return self.view.median_predict_ns / 1e6

    @property
    def coverage(self) -> float | None:
        """What the layers cover of a predict; None without layers."""
        return self.view.coverage

    @property
    def overhead(self) -> dict[str, float]:
        """By level of tracing, the time with it over the time without; empty if not measured."""
        return dict(self.view.overhead.ratio) if self.view.overhead else {}

    def layers(self) -> "DataFrame":
        """The layers in the order of execution, one row a layer.

        Returns:
            Medians over the predicts: ``duration_ns`` with the layers of its body and ``own_ns``
            without, ``corrected_ns`` without the cost of tracing, ``share`` of the predict,
            shapes as tuples, ``dtype``, ``bytes`` of the outputs, ``flops``; see
            ``suite.worker.tracing.layers.Layer``.

        Raises:
            InputError: pandas is not installed.
        """
        return data_frame(self.layer_rows())

    def layer_rows(self) -> list[dict[str, Any]]:
        """The rows of ``layers``."""
        correction = self.view.correction
        return [
            {
                **_names(self.view.run),
                **layer_record(layer),
                "corrected_ns": layer.duration_ns * correction,
            }
            for layer in self.view.layers
        ]

    def __repr__(self) -> str:
        """Name it and what it holds."""
        view = self.view
        system = f"{view.run.model.id} {view.run.system} {view.run.scenario}"
        layers = f"{len(view.layers)} layers, {view.predicts} predicts"
        return f"<Trace {system}: {layers}, {self.predict_ms:.3f} ms a predict>"

    def _repr_html_(self) -> str:
        view = self.view
        bodies = has_bodies(view.layers)
        slowest = sorted(view.layers, key=lambda layer: -layer.own_ns)[:_SHOWN]
        title = f"Slowest layers ({len(slowest)} of {len(view.layers)})"
        rows = [layer_cells(layer, view.correction, None, bodies) for layer in slowest]
        about = html_table(f"{view.run.model.title}: trace", (), summary(view))
        return about + html_table(title, headings(bodies), rows, [NOT_A_RESULT])


def runs_html(views: Iterable[RunView]) -> str:
    """Write runs as a table for a notebook, one row a run, with what one must know of them."""
    listed = list(views)
    marks = Marks(listed)
    columns = metric_columns(listed)
    rows = [
        [
            run.run_id,
            run.model.id,
            run.system,
            str(run.scenario),
            f"{metric_text(run)} ({', '.join(marks.of(run))})",
            verdict(run).text,
            " ".join(filter(None, accuracy_text(run))),
            *(column.cells[place] for column in columns),
        ]
        for place, run in enumerate(listed)
    ]
    shown = ("Run", "Model", "Framework", "Scenario", "Result", "Valid, or why not", "Accuracy")
    notes = [f"{mark}: {note}" for mark, note in marks.notes()]
    notes += [f"noisy: {line}" for line in marks.noise()] + marks.further()
    return html_table(
        "Runs" if len(listed) != 1 else "Run",
        (*shown, *(column.metric.heading for column in columns)),
        rows,
        [*notes, NOT_VERIFIED],
    )


def _names(run: RunView) -> dict[str, str]:
    return {"run": run.run_id, "framework": run.framework, "scenario": str(run.scenario)}
