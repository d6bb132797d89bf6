"""The steps of the emulated lane: models here, checks there, comparison on both sides."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from loadscope.datasets.protocol import Progress
from loadscope.errors import WorkError
from loadscope.suite.artifacts import materialise
from loadscope.suite.build import BuildRequest, build_artifact
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.fetch.files import Fetched
from loadscope.suite.manifest import Catalogue
from loadscope.tools.z.checks import EXPECTED, SUITES
from loadscope.tools.z.root import Root

MODEL, DATA, SAMPLES = "efficientnet-64", "imagenet-sample20", 4
FRAMEWORKS = ("onnxruntime", "pytorch")
_LANE = Path("/lane")
_TEST_SECONDS, _RUN_SECONDS = 900, 400
_LOGIT_TOLERANCE = 1e-4
_PYTEST = (
    "import os, sys, pytest; os.chdir('/lane/repo'); "
    "sys.exit(pytest.main(sys.argv[1:] + ['-q', '-rf', '-p', 'no:cacheprovider']))"
)


@dataclass(frozen=True)
class Row:
    """A check and how it ended.

    Attributes:
        check: What was checked.
        passed: Whether it holds.
        detail: Its figures, and what is expected to differ.
        seconds: How long it took.
    """

    check: str
    passed: bool
    detail: str
    seconds: float


class Lane:
    """The checks in one root.

    Args:
        root: The s390x root.
        natives: The folder of s390x modules.
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
        self._root, self._work, self._progress = root, work, progress
        self._inside = root.path / _LANE.relative_to("/")
        shutil.rmtree(self._inside, ignore_errors=True)
        self._copy_checkout(repository)
        shutil.copytree(natives, self._inside / "site")
        self._models = self._inside / "models"
        self._prepare_models(cache)
        self._data = fetch_dataset(DATA, cache, progress)
        shutil.copytree(self._data, self._inside / "data")

    def rows(self) -> Iterator[Row]:
        """Carry out all checks."""
        yield self._machine()
        for framework in FRAMEWORKS:
            golden = self._golden(framework)
            yield self._live(framework, golden)
            yield from self._run(framework, golden)
        for suite in SUITES:
            yield self._tests(suite.title, [f"tests/{test}" for test in suite.tests])

    def _copy_checkout(self, repository: Path) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=repository,
            capture_output=True,
            check=True,
        ).stdout.decode()
        for name in filter(None, listed.split("\0")):
            source, target = repository / name, self._inside / "repo" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.exists() or source.is_symlink():
                shutil.copy(source, target, follow_symlinks=False)

    def _prepare_models(self, cache: Path) -> None:
        entry = Catalogue.load().get("efficientnet-lite0")
        weights = materialise("efficientnet-lite0", entry, "pytorch", cache, self._progress)
        request = BuildRequest(
            MODEL,
            "onnx",
            {
                "architecture": "efficientnet-lite0",
                "classes": "1000",
                "size": "64",
                "input-name": ["images"],
                "output-name": "logits",
            },
            Fetched(weights.artifact.path, weights.sha256),
        )
        exported = build_artifact(request, cache, self._progress)
        self._models.mkdir(parents=True)
        shutil.copy(exported.path, self._models / "efficientnet-64.onnx")
        shutil.copy(weights.artifact.path, self._models / "efficientnet.pth")
        manifest = files("loadscope.tools.z") / "models.yaml"
        (self._models / "models.yaml").write_text(manifest.read_text("utf-8"), encoding="utf-8")

    def _inside_python(
        self, name: str, arguments: list[str], seconds: float
    ) -> tuple[int, str, float]:
        self._progress(f"s390x: {name}", 0, 0)
        log = self._log(name)
        started = time.monotonic()
        status = self._root.run(
            arguments,
            log,
            seconds,
            LOADSCOPE_CACHE=str(_LANE / "cache"),
            PYTHONPATH=f"{_LANE}/site:{_LANE}/repo/src:{_LANE}/repo",
        )
        text = log.read_text(encoding="utf-8", errors="replace")
        return status, text, time.monotonic() - started

    def _log(self, name: str) -> Path:
        return self._work / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"

    def _failure(self, name: str, status: int) -> str:
        said = self._log(name).with_suffix(".log.err").read_text("utf-8", errors="replace")
        return f"status {status}: {said.strip()[-200:]}"

    def _machine(self) -> Row:
        code = (
            "import sys, platform, numpy, onnxruntime, torch, mlperf_loadgen; "
            "print(platform.machine(), sys.byteorder + '-endian, Python', "
            "platform.python_version(), 'numpy', numpy.__version__, 'ONNX Runtime', "
            "onnxruntime.__version__, 'PyTorch', torch.__version__)"
        )
        status, text, seconds = self._inside_python("imports", ["-c", code], _RUN_SECONDS)
        last = (text.strip().splitlines() or [""])[-1]
        passed = not status and last.startswith("s390x big-endian")
        return Row("machine and frameworks", passed, last, seconds)

    def _tests(self, title: str, tests: list[str]) -> Row:
        status, text, seconds = self._inside_python(title, ["-c", _PYTEST, *tests], _TEST_SECONDS)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
        unexpected = [name for name in failed if _test_name(name) not in EXPECTED]
        last = (text.strip().splitlines() or ["no output"])[-1]
        counts = re.search(r"(?:\d+ failed, )?\d+ passed.*? in ", last)
        shown = counts[0].removesuffix(" in ") if counts else f"status {status}: {last[:120]}"
        # What is expected to fail is counted as failed, and explained.
        notes = [EXPECTED[_test_name(name)] for name in failed if name not in unexpected]
        # A status beside 0 and 1 means that the tests did not run to their end.
        passed = counts is not None and not unexpected and status in (0, 1)
        detail = "; ".join([shown, *dict.fromkeys(notes), *map(_test_name, unexpected)])
        return Row(title, passed, detail, seconds)

    def _golden(self, framework: str) -> Path:
        golden = self._inside / f"{framework}.npz"
        command = [sys.executable, "-P", "-m", "loadscope", "golden", "--model", MODEL]
        command += ["--models", str(self._models / "models.yaml"), "--framework", framework]
        command += ["--dataset-path", str(self._data), "--count", str(SAMPLES)]
        done = subprocess.run(
            [*command, "--output", str(golden)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise WorkError(f"the golden file was not made: {done.stderr.strip()}")
        return golden

    def _live(self, framework: str, golden: Path) -> Row:
        arguments = ["-P", "-m", "loadscope", "validate", "--json"]
        arguments += ["--models", f"{_LANE}/models/models.yaml", "--model", MODEL]
        arguments += ["--framework", framework, "--dataset-path", f"{_LANE}/data"]
        title = f"{framework}: all layers against x86-64"
        status, text, seconds = self._inside_python(
            title, [*arguments, "--golden", str(_LANE / golden.name)], _RUN_SECONDS
        )
        if status not in (0, 1) or not text:
            return Row(title, False, self._failure(title, status), seconds)
        verdict = json.loads(text)
        if verdict["max_rel_diff"] is None:
            return Row(title, False, f"{verdict['cause']}: {verdict['cause_detail']}", seconds)
        detail = (
            f"{verdict['samples']} samples, logits within {verdict['max_rel_diff']:.1e} of their "
            f"magnitude, same top-1 {verdict['top1_agreement']:.0%}, "
            f"first divergent layer: {verdict['first_divergent_layer'] or 'none'}"
        )
        passed = verdict["passed"] and verdict["max_rel_diff"] <= _LOGIT_TOLERANCE
        return Row(title, passed, detail, seconds)

    def _run(self, framework: str, golden: Path) -> Iterator[Row]:
        name = f"run-{framework}"
        arguments = ["-P", "-m", "loadscope", "run", "--json", "--model", MODEL]
        arguments += ["--models", f"{_LANE}/models/models.yaml", "--framework", framework]
        arguments += ["--scenario", "SingleStream", "--mode", "performance", "--mode", "accuracy"]
        arguments += ["--dataset-path", f"{_LANE}/data", "--count", str(SAMPLES)]
        arguments += ["--min-duration", "5s", "--output", str(_LANE / name)]
        title = f"{framework}: LoadGen, performance and accuracy"
        status, _, seconds = self._inside_python(title, arguments, _RUN_SECONDS)
        folder = self._inside / name
        if status:
            yield Row(title, False, self._failure(title, status), seconds)
            return
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        accuracy = result["accuracy"]
        yield Row(
            title,
            result["mode"] == "performance,accuracy",
            f"{accuracy['samples']} samples, top-1 {accuracy['value']:.2f} %",
            seconds,
        )
        started = time.monotonic()
        command = [sys.executable, "-P", "-m", "loadscope", "validate", str(folder), "--json"]
        done = subprocess.run(
            [*command, "--golden", str(golden)], capture_output=True, text=True, check=False
        )
        verdict = json.loads(done.stdout) if done.returncode in (0, 1) and done.stdout else {}
        same = verdict.get("top1_agreement") == 1.0
        detail = (
            f"{verdict['samples']} payloads byte for byte the same as x86-64's: "
            f"{verdict['top1_agreement']:.0%}, top-1 {verdict['metric_delta']:+.2f} points"
            if verdict
            else done.stderr.strip()
        )
        yield Row(
            f"{framework}: that accuracy log read and scored on x86-64",
            same and verdict["metric_delta"] == 0,
            detail,
            time.monotonic() - started,
        )


def _test_name(node: str) -> str:
    return node.rpartition("::")[2].partition("[")[0]
