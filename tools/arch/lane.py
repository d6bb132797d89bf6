"""The steps of the emulated lane: models here, checks there, comparison on both sides."""

import json
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from loadscope.datasets.task import Progress
from loadscope.suite.golden.file import read_golden
from loadscope.tools.arch.checks import FRAMEWORKS, SUITES, CheckRow, Suite
from loadscope.tools.arch.furnish import MODEL, copy_checkout, copy_data, make_models, make_site
from loadscope.tools.arch.goldens import (
    CLASSIFIER,
    OTHERS,
    SAMPLES,
    golden_row,
    hand_over,
    make_golden,
)
from loadscope.tools.arch.inside import LANE, Inside, loadscope_here
from loadscope.tools.arch.pixels import pixel_rows
from loadscope.tools.arch.root import Root
from loadscope.tools.arch.submission import submission_rows

PACKAGED = "onnxruntime"
"""Whose run becomes a submission: a system has one framework."""

_CLASSES = 1000
# The fewest queries with an estimate of the 90th percentile; with fewer a result is INVALID.
_VALID_QUERIES = 64
# Of a machine that does other things too; a quiet one takes a tenth.
_TEST_SECONDS, _RUN_SECONDS = 3600, 3600
_SIDE_BY_SIDE = 2
_PYTEST = (
    "import os, sys, pytest; os.chdir('/lane/repo'); "
    "sys.exit(pytest.main([*sys.argv[1:], '-q', '-rfEx', '--durations=20', '-p', "
    # Debian's protobuf is warned of at its import, which ends it where warnings are errors.
    "'no:cacheprovider', '-p', 'loadscope.tools.arch.expected', "
    "'-W', 'ignore::DeprecationWarning']))"
)


class Lane:
    """The checks in one root.

    Args:
        root: The root.
        natives: The folder of its modules.
        repository: The project's checkout, whose tests are run.
        cache: The suite's cache here.
        work: An empty folder for logs and golden files.
        progress: Told what is being done.
    """

    def __init__(
        self,
        root: Root,
        natives: Path,
        repository: Path,
        cache: Path,
        work: Path,
        progress: Progress,
    ) -> None:
        self._inside, self._progress = Inside(root, work, progress), progress
        self._cache = cache
        folder = self._inside.folder
        copy_checkout(repository, folder / "repo")
        make_site(natives, folder / "site")
        self._manifest = make_models(folder / "models", cache, progress)
        self._data = folder / "data"
        copy_data(self._data, cache, progress)
        self._label()

    def rows(self, parts: Collection[str]) -> Iterator[CheckRow]:
        """Carry out checks.

        Args:
            parts: Those of ``PARTS`` that are chosen.
        """
        if "machine" in parts:
            yield self._machine("pytorch" in parts)
        for framework in FRAMEWORKS:
            if framework not in parts:
                continue
            golden = self._golden(framework)
            yield self._live(framework, golden)
            yield from self._run(framework, golden)
            if framework == PACKAGED:
                yield from submission_rows(
                    self._inside, f"run-{framework}", self._manifest, self._data
                )
        if "goldens" in parts:
            yield from map(self._other, OTHERS)
        if "pixels" in parts:
            yield from pixel_rows(self._inside, self._data, self._cache, self._progress)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            yield from pool.map(self._tests, [each for each in SUITES if each.part in parts])

    def _label(self) -> None:
        """Name the photographs as this host's model does, the last one otherwise.

        A score of 0 % would be the same for answers that nobody can read.
        """
        samples = read_golden(self._golden(PACKAGED)).samples
        answers = [int(np.frombuffer(sample.payload, "<f4")[0]) for sample in samples]
        answers[-1] = (answers[-1] + 1) % _CLASSES
        path = self._data / "val_map.txt"
        lines = path.read_text(encoding="utf-8").splitlines()
        named = [
            f"{line.split()[0]} {answer}" for line, answer in zip(lines, answers, strict=False)
        ]
        path.write_text("\n".join([*named, *lines[len(named) :], ""]), encoding="utf-8")

    def _machine(self, pytorch: bool) -> CheckRow:
        code = (
            "import sys, platform, numpy, onnxruntime, mlperf_loadgen; "
            "words = [platform.machine(), sys.byteorder + '-endian, Python', "
            "platform.python_version(), 'numpy', numpy.__version__, 'ONNX Runtime', "
            "onnxruntime.__version__]\n"
        )
        if pytorch:
            code += "import torch; words += ['PyTorch', torch.__version__]\n"
        code += "print(*words)"
        done = self._inside.python("imports", ["-c", code], _RUN_SECONDS)
        last = (done.output.strip().splitlines() or [""])[-1]
        here = self._inside.architecture
        expected = f"{here.machine} {here.byte_order}-endian"
        passed = not done.status and last.startswith(expected)
        return CheckRow("machine and frameworks", passed, last, done.seconds)

    def _tests(self, suite: Suite) -> CheckRow:
        tests = [f"tests/{test}" for test in suite.tests]
        done = self._inside.python(suite.title, ["-c", _PYTEST, *tests], _TEST_SECONDS)
        last = (done.output.strip().splitlines() or ["no output"])[-1]
        said = re.findall(r"^(?:FAILED|ERROR|XFAIL) .*::(.*)", done.output, re.MULTILINE)
        # A status beside 0 and 1 means that the tests did not run to their end.
        shown = last.rpartition(" in ")[0] if done.status in (0, 1) else f"status {done.status}"
        return CheckRow(suite.title, not done.status, "; ".join([shown, *said]), done.seconds)

    def _golden(self, framework: str) -> Path:
        return make_golden(self._inside, self._manifest, CLASSIFIER, framework, str(self._data))

    def _live(self, framework: str, golden: Path) -> CheckRow:
        title, data = f"{framework}: all layers against x86-64", f"{LANE}/data"
        return golden_row(self._inside, title, golden, CLASSIFIER, framework, data)

    def _other(self, name: str) -> CheckRow:
        held, inside = OTHERS[name], self._inside
        golden = make_golden(inside, self._manifest, held, PACKAGED, held.data)
        hand_over(inside, held, PACKAGED, self._cache, self._progress)
        title = f"{name} on {PACKAGED}: {held.model} against x86-64"
        return golden_row(inside, title, golden, held, PACKAGED, held.data)

    def _run(self, framework: str, golden: Path) -> Iterator[CheckRow]:
        name = f"run-{framework}"
        arguments = ["run", "--json", "--model", MODEL, "--framework", framework]
        arguments += ["--models", f"{LANE}/models/models.yaml", "--scenario", "SingleStream"]
        arguments += ["--mode", "performance", "--mode", "accuracy", "--count", str(SAMPLES)]
        arguments += ["--dataset-path", f"{LANE}/data", "--min-duration", "5s"]
        if framework == PACKAGED:
            arguments += ["--min-query-count", str(_VALID_QUERIES)]
        title = f"{framework}: LoadGen, performance and accuracy"
        done = self._inside.loadscope(
            title, [*arguments, "--output", str(LANE / name)], _RUN_SECONDS
        )
        folder = self._inside.folder / name
        if done.status:
            yield CheckRow(title, False, done.failure(), done.seconds)
            return
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        accuracy = result["accuracy"]
        yield CheckRow(
            title,
            result["mode"] == "performance,accuracy",
            f"{accuracy['samples']} samples, top-1 {accuracy['value']:.2f} %",
            done.seconds,
        )
        done = loadscope_here(["validate", str(folder), "--json", "--golden", str(golden)])
        verdict = done.json() or {}
        same = verdict.get("top1_agreement") == 1.0
        detail = (
            f"{verdict['samples']} payloads byte for byte the same as x86-64's: "
            f"{verdict['top1_agreement']:.0%}, top-1 {verdict['metric_delta']:+.2f} points"
            if verdict
            else done.failure()
        )
        yield CheckRow(
            f"{framework}: that accuracy log read and scored on x86-64",
            same and verdict["metric_delta"] == 0,
            detail,
            done.seconds,
        )
