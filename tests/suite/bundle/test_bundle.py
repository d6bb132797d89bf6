"""Bundles: made, carried, installed where there is no network, and results on the way back."""

import base64
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.sut.tiny_onnx import write_model

from loadscope import sums
from loadscope.errors import InputError
from loadscope.suite.bundle.back import pack_results
from loadscope.suite.bundle.collect import add_dataset, add_script
from loadscope.suite.bundle.install import install_bundle, verify_bundle
from loadscope.suite.bundle.make import pack
from loadscope.suite.bundle.record import Bundle
from loadscope.suite.bundle.wheels import platform_tags
from loadscope.suite.report import load_run
from loadscope.suite.results.archive import extract


def quiet(what, done, total):
    """Nobody watches."""


@pytest.fixture(scope="module")
def offline():
    """What begins a command that has no network; skips where that is refused."""
    if shutil.which("unshare") and not subprocess.run(["unshare", "-n", "true"]).returncode:
        return ["unshare", "-n"]
    pytest.skip("network namespaces are refused here (unshare -n)")


@pytest.fixture(scope="module")
def lone(tmp_path_factory, offline):
    """Run loadscope without a network and with a cache of its own."""
    cache = tmp_path_factory.mktemp("lone-cache")

    def run(*arguments, status=0, environment=None):
        done = subprocess.run(
            [*offline, sys.executable, "-P", "-m", "loadscope", *map(str, arguments)],
            capture_output=True, text=True, timeout=240, cwd=cache,
            env={**os.environ, "LOADSCOPE_CACHE": str(cache), **(environment or {})},
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def wheel(folder, name, version, text):
    """A wheel of one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}.py": text,
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
        f"Version: {version}\nProvides-Extra: none\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{file},sha256={_digest(content)},{len(content)}\n" for file, content in files.items()
    )
    files[f"{name}-{version}.dist-info/RECORD"] = record
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return path


def _digest(text):
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    np.savez(folder / "x.npz", images=np.arange(20, dtype=np.float32).reshape(10, 2))
    return write_model(folder / "own.onnx")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, model, command_process):
    """A bundle of a model's file and a small wheel that stands in for LoadScope's packages."""
    folder = tmp_path_factory.mktemp("bundle")
    own = wheel(folder, "loadscope", "0.1.0", "")
    output = folder / "lab.tar"
    done = command_process.run(
        "bundle", "make", "--model", model, "--framework", "onnxruntime", "--wheel", own,
        "--no-index", "--output", output, "--json", "--dataset", "squad-sample",
        "--task", "tensors",
        cwd=folder, environment=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["models"][0]["run_as"] == "own" and told["bytes"] == output.stat().st_size
    # What comes with LoadScope needs no place in it.
    assert told["datasets"] == {"squad-sample": ""}
    return output


def test_a_bundle_is_a_tar_that_sha256sum_can_check(bundle, tmp_path):
    with tarfile.open(bundle) as archive:
        names = archive.getnames()
        assert all(one.isreg() and one.uid == 0 and not one.uname for one in archive)
        archive.extractall(tmp_path, filter="data")
    assert names == sorted(names)
    assert {sums.FILE, "bundle.json", "install.py", "models.yaml"} <= set(names)
    assert any(name.startswith("licences/") for name in names)
    assert [name for name in names if name.endswith(".whl")] == [
        "wheels/loadscope-0.1.0-py3-none-any.whl"
    ]
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", sums.FILE], cwd=tmp_path, text=True
    )
    assert done.returncode == 0
    assert verify_bundle(bundle, quiet) == verify_bundle(tmp_path, quiet) == len(names) - 1


def test_it_is_installed_and_run_without_a_network_and_results_come_back(
    bundle, lone, loadscope, model, tmp_path
):
    target = tmp_path / "lab"
    told = json.loads(
        lone("bundle", "install", bundle, "--no-index", "--no-packages", "--target", target,
             "--json").stdout
    )  # fmt: skip
    folder = target / "bundle"
    assert told["folder"] == str(folder)
    run = tmp_path / "runs" / "one"
    lone(
        "run", "--models", folder / "models.yaml", "--model", "own", "--framework", "onnxruntime",
        "--scenario", "SingleStream", "--input-data", model.with_name("x.npz"), "--task",
        "tensors", "--min-duration", "200ms", "--output", run,
        environment={"LOADSCOPE_LAYOUT_SECONDS": "0"},
    )  # fmt: skip
    record = load_run(run).record
    assert record.model.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    for more, kept in (([], True), (["--without-machine"], False)):
        back = tmp_path / f"back{kept}.tar.gz"
        lone("bundle", "results", run.parent, "--output", back, *more)
        said = loadscope("results", "add", back, "--index", tmp_path / f"{kept}.db").stdout
        assert "1 added" in said
        extract(back, tmp_path / f"there{kept}")
        (there,) = (tmp_path / f"there{kept}").glob("one-*")
        view = load_run(there)
        assert not view.altered and view.metric == load_run(run).metric
        names = {path.name for path in there.rglob("*")}
        assert "plan.json" not in names and "process.log" not in names
        assert not any(name.endswith(".onnx") for name in names)
        text = (there / "run.json").read_text()
        assert (str(tmp_path) in text) is kept
        host = view.record.host
        assert host.machine and (host.identity is not None) is kept
        assert bool(host.system) is kept and bool(view.record.command) is kept


def test_a_bundle_for_another_machine_or_python_is_refused(bundle, lone, tmp_path, monkeypatch):
    folder = tmp_path / "b"
    extract(bundle, folder)
    told = json.loads((folder / "bundle.json").read_text())
    for key, value, words in (
        ("platform", "linux-s390x", "the bundle is for linux-s390x, this machine is linux-"),
        ("python", "3.9", "the bundle's packages are for Python 3.9, this is 3."),
    ):
        (folder / "bundle.json").write_text(json.dumps({**told, key: value}))
        sums.write_sums(folder)
        said = lone("bundle", "install", folder, "--target", tmp_path / "t", status=2).stderr
        assert words in said and len(said.splitlines()) == 2


def damaged(kind, folder, archive):
    """Damage a folder of results and pack it."""
    first = next(path for path in sorted(folder.rglob("*")) if path.name == "run.json")
    if kind == "changed":
        first.write_text(first.read_text().replace("Offline", "Server"))
    elif kind == "missing":
        first.unlink()
    elif kind == "more":
        first.with_name("more.txt").write_text("x")
    elif kind == "path":
        text = (folder / sums.FILE).read_text()
        (folder / sums.FILE).write_text(text + f"{'0' * 64}  ../outside\n")
    elif kind == "line":
        (folder / sums.FILE).write_text("not a digest  a\n")
    elif kind == "twice":
        text = (folder / sums.FILE).read_text()
        (folder / sums.FILE).write_text(text + text.splitlines()[0] + "\n")
    pack(folder, archive, quiet, compress=True)
    return first


DAMAGE = {
    "changed": "expected sha256", "missing": "not found", "more": "is not in MANIFEST.sha256",
    "path": "expected DIGEST  PATH", "line": "expected DIGEST  PATH", "twice": "comes twice",
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_an_archive_that_was_changed_is_refused(kind, tmp_path):
    folder = tmp_path / "results"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "run.json").write_text('{"scenario": "Offline"}')
    sums.write_sums(folder)
    archive = tmp_path / "back.tar.gz"
    damaged(kind, folder, archive)
    for check in (lambda: verify_bundle(archive, quiet), lambda: extract(archive, tmp_path / "t")):
        with pytest.raises(InputError) as raised:
            check()
        assert DAMAGE[kind] in str(raised.value)
    assert not (tmp_path / "t").exists()


def test_what_is_no_bundle_is_refused(tmp_path):
    for content, words in ((b"text", "no bundle"), (b"", "no bundle")):
        path = tmp_path / "x.tar"
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            verify_bundle(path, quiet)
    with tarfile.open(tmp_path / "link.tar", "w") as archive:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match="expected files, each once"):
        verify_bundle(tmp_path / "link.tar", quiet)
    with tarfile.open(tmp_path / "none.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    with pytest.raises(InputError, match=r"no MANIFEST\.sha256"):
        verify_bundle(tmp_path / "none.tar", quiet)
    whole = tmp_path / "none.tar"
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:300])
    with pytest.raises(InputError):
        verify_bundle(tmp_path / "cut.tar", quiet)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"\xff\xfe", r"bundle\.json: is not UTF-8 text"),
        (b"{}", r"bundle\.json: created: Field required"),
        (None, r"no bundle\.json"),
        (b"s390x", "the bundle is for linux-s390x"),
    ],
)
def test_nothing_is_left_of_a_bundle_that_is_refused(tmp_path, told, words):
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "install.py").write_text("pass")
    if told == b"s390x":
        name = "linux-none" if platform.machine() == "s390x" else "linux-s390x"
        words = words.replace("linux-s390x", name)
        Bundle(created="now", loadscope="1", platform=name, python="3.11", round="v6.1").write(
            folder
        )
    elif told is not None:
        (folder / "bundle.json").write_bytes(told)
    sums.write_sums(folder)
    pack(folder, tmp_path / "b.tar", quiet)
    with pytest.raises(InputError, match=words):
        install_bundle(tmp_path / "b.tar", tmp_path / "lab", False, quiet)
    assert not (tmp_path / "lab/bundle").exists()
    with pytest.raises(InputError, match=words):
        install_bundle(folder, tmp_path / "lab", False, quiet)
    assert (folder / "install.py").exists()


def test_wrong_arguments_are_two_lines(loadscope, bundle, tmp_path):
    for arguments, words in (
        (("make", "--model", "x", "--output", "o.tar"), "a model is taken for a framework"),
        (("make", "--output", bundle), "is there already"),
        (("make", "--no-wheels", "--no-index", "--output", "o.tar"), "beside --no-wheels"),
        (("make", "--python", "3", "--output", "o.tar"), "--python: expected X.Y, got '3'"),
        (("make", "--glibc", "3.1", "--output", "o.tar"), "--glibc: expected 2.N, got '3.1'"),
        (("make", "--extra", "nonsense", "--output", "o.tar"), "unknown extra 'nonsense'"),
        (("make", "--dataset", str(tmp_path), "--output", "o.tar"), "a folder without an id"),
        (("install", tmp_path / "none", "--target", "t"), "no bundle"),
        (("results", tmp_path / "none", "--output", "o.tar.gz"), "does not exist"),
    ):
        said = loadscope("bundle", *arguments, status=2).stderr
        assert words in said and len(said.strip().splitlines()) == 2, said
    assert not list(Path(tmp_path).glob("*.tar*"))


def test_two_of_one_name_do_not_become_one(tmp_path):
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "val_map.txt").write_text(f"{number}")
        (tmp_path / folder / "x.yaml").write_text(f"count: {number + 1}")
    into, cache = tmp_path / "into", tmp_path / "cache"
    into.mkdir()
    add_dataset(into, f"imagenet={tmp_path}/a", (), cache, quiet)
    with pytest.raises(InputError, match="'imagenet' comes twice"):
        add_dataset(into, f"imagenet={tmp_path}/b", (), cache, quiet)
    assert (into / "data/imagenet/val_map.txt").read_text() == "0"
    add_script(into, tmp_path / "a/x.yaml")
    with pytest.raises(InputError, match=r"another script is called x\.yaml too"):
        add_script(into, tmp_path / "b/x.yaml")
    assert (into / "scripts/x.yaml").read_text() == "count: 1"


def test_tags_of_platforms():
    # PEP 600: manylinux2014 is glibc 2.17.
    tags = platform_tags("linux-s390x", "2.28")
    assert tags[0] == "manylinux_2_28_s390x" and tags[-1] == "linux_s390x"
    assert tags.index("manylinux_2_17_s390x") + 1 == tags.index("manylinux2014_s390x")
    assert len(set(tags)) == len(tags) == 24 + 3 + 1


def test_no_run_is_no_archive(tmp_path):
    with pytest.raises(InputError, match="no run directory"):
        pack_results([tmp_path], tmp_path / "o.tar.gz", False, quiet)
