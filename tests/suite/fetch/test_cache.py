"""``loadscope cache`` on a cache that real commands have filled."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadscope.in_use import use_file

HOLD = """
import sys
from pathlib import Path
from loadscope.in_use import keep
keep(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cache(tmp_path):
    """A cache of this test's own."""
    return tmp_path / "cache"


@pytest.fixture
def listed(loadscope):
    """What the command lists, by name."""

    def ask(*arguments, status=0):
        found = json.loads(loadscope("cache", "--json", *arguments, status=status).stdout)
        return {item["name"]: item for item in found["items"]}

    return ask


@pytest.fixture
def hold(environment):
    """Hold a path in a process of its own, as a run does."""
    started = []

    def begin(path: Path) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def make_samples(cache: Path, key: str, days: float = 0) -> Path:
    folder = cache / "samples" / (key * 64)
    folder.mkdir(parents=True)
    (folder / "records.bin").write_bytes(b"1" * 50_000)
    (folder / "header.json").write_text('{"kind": "tokens", "count": 1234}')
    use_file(folder).touch()
    old = time.time() - days * 86_400
    for path in (*folder.iterdir(), folder, use_file(folder)):
        os.utime(path, (old, old))
    return folder


def test_an_empty_cache_is_no_error(loadscope, cache):
    assert "0 B in " in loadscope("cache").stdout
    assert not cache.exists()


def test_a_run_leaves_samples_that_are_listed_and_made_again_when_removed(
    loadscope, listed, cache, tiny_dataset, manifest
):
    run = (
        "run", "--models", manifest(), "--model", "tiny", "--framework", "null", "--scenario",
        "Offline", "--dataset-path", tiny_dataset, "--mode", "accuracy",
    )  # fmt: skip
    loadscope(*run, "--output", "one")
    (item,) = listed().values()
    assert (item["kind"], item["in_use"], item["removed"]) == ("samples", False, False)
    assert item["what"] == f"24 samples of {tiny_dataset / 'val'}"
    assert item["bytes"] >= 24 * 32 * 32 * 3
    assert item["days"] < 0.1
    (folder,) = [each for each in (cache / "samples").iterdir() if each.is_dir()]
    assert item["path"] == str(folder)

    said = loadscope("cache", "--remove", item["name"])
    assert "nothing is removed yet; --yes removes 1:" in said.stdout
    assert folder.exists()
    assert "1 removed:" in loadscope("cache", "--remove", item["name"], "--yes").stdout
    assert not folder.exists()
    assert listed() == {}
    loadscope(*run, "--output", "two")
    assert folder.exists()


def test_what_was_used_lately_stays(listed, cache):
    old, new = make_samples(cache, "a", days=40), make_samples(cache, "b", days=2)
    chosen = listed("--older-than", 30)
    assert {name: item["removed"] for name, item in chosen.items()} == {"a" * 12: False}
    assert chosen["a" * 12]["days"] == pytest.approx(40, abs=0.1)
    assert listed("--older-than", 30, "--yes")["a" * 12]["removed"]
    assert (old.exists(), new.exists()) == (False, True)


def test_what_a_process_relies_on_stays_until_it_ends(loadscope, listed, cache, hold):
    folder = make_samples(cache, "a", days=40)
    process = hold(folder)
    # To rely on it is to use it.
    assert listed()["a" * 12]["days"] < 1
    kept = listed("--older-than", 0, "--yes")["a" * 12]
    assert (kept["in_use"], kept["removed"]) == (True, False)
    said = loadscope("cache", "--remove", "a" * 12, "--yes", status=1)
    assert f"not removed: {'a' * 12}" in said.stderr
    assert "in use" in said.stdout
    assert folder.exists()
    process.kill()
    process.wait()
    loadscope("cache", "--remove", "a" * 12, "--yes")
    assert not folder.exists()


def test_a_run_in_progress_holds_model_and_samples(
    start, loadscope, listed, cache, tiny_dataset, manifest, wait_for, child_of, tmp_path
):
    """The samples of a run that is being measured cannot be removed beneath it."""
    process = start(
        "run", "--models", manifest(), "--model", "tiny", "--framework", "null", "--scenario",
        "SingleStream", "--dataset-path", tiny_dataset, "--min-duration", "60s", "--output", "run",
    )  # fmt: skip
    partial = tmp_path / "run" / "performance" / "run_1.partial" / "progress.bin"
    wait_for(partial.exists, process)
    ((name, item),) = listed().items()
    assert item["in_use"]
    loadscope("cache", "--remove", name, "--yes", status=1)
    assert Path(item["path"], "records.bin").exists()
    process.kill()
    process.wait()


def test_what_is_being_made_stays(loadscope, cache, tmp_path):
    from filelock import FileLock

    folder = make_samples(cache, "a")
    with FileLock(cache / "samples" / f"{'a' * 64}.lock"):
        loadscope("cache", "--remove", "a*", "--yes", status=1)
    assert folder.exists()


def test_files_of_models_and_data_sets_are_listed_and_removed(listed, cache):
    built = cache / "artifacts" / "build" / "reader-0123"
    web = cache / "artifacts" / "web" / "example.org" / "a" / "model.onnx"
    data = cache / "datasets" / "imagenet-sample20" / "val"
    for folder in (built, web.parent, data):
        folder.mkdir(parents=True)
    (built / "reader.onnx").write_bytes(b"x")
    (built / ".reader.onnx.stamp.json").write_text('{"source": "build:onnx"}')
    (built / ".reader.onnx.lock").touch()
    web.write_bytes(b"x")
    (web.parent / ".model.onnx.stamp.json").write_text('{"source": "https://example.org/a"}')
    (data / "photograph.jpg").write_bytes(b"x")
    found = listed()
    assert {name: (item["kind"], item["what"]) for name, item in found.items()} == {
        "reader-0123": ("models", "build:onnx"),
        "example.org/a/model.onnx": ("models", "https://example.org/a"),
        "imagenet-sample20": ("datasets", "a data set"),
    }
    assert set(listed("--kind", "models")) == {"reader-0123", "example.org/a/model.onnx"}
    removed = listed("--kind", "models", "--older-than", 0, "--yes")
    assert all(item["removed"] for item in removed.values())
    assert set(listed()) == {"imagenet-sample20"}
    assert not (web.parent / ".model.onnx.stamp.json").exists()


def test_what_a_crash_left_of_a_removal_is_cleared_away(loadscope, listed, cache):
    make_samples(cache, "a")
    left = cache / "samples" / ".gone.removed"
    left.mkdir()
    (left / "records.bin").write_bytes(b"1")
    assert set(listed()) == {"a" * 12}
    loadscope("cache", "--remove", "a*", "--yes")
    assert not left.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--yes"], "choose with --remove NAME or --older-than DAYS"),
        (["--remove", "aaaaaaaaaaab"], "did you mean 'aaaaaaaaaaaa'?"),
        (["--remove", "zzz", "--yes"], "'zzz' not found in the cache"),
        (["--older-than", "-1"], "--older-than"),
        (["--kind", "photographs"], "samples"),
    ],
)
def test_wrong_usage_removes_nothing(loadscope, cache, arguments, said):
    folder = make_samples(cache, "a")
    assert said in loadscope("cache", *arguments, status=2).stderr
    assert folder.exists()
