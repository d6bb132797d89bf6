"""A campaign over an x86-64 host and an emulated IBM Z, both held against one golden file.

Root, iproute2 and what ``make test-z`` needs; eight minutes, and some more the first time, when the
root is made: ``pytest -s tests/suite/campaign/emulated_checks.py``. LOADSCOPE_ARCH names another
instruction set of ``make test-arch``. Times under emulation are no figures.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
import pytest
import yaml
from filelock import FileLock
from tests.suite.campaign.namespaces import HEAD, PORT, namespaces

import loadscope as package
from loadscope.errors import WorkError
from loadscope.paths import cache_root
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.fetch.cache import EMULATED
from loadscope.tools.arch.__main__ import require_tools
from loadscope.tools.arch.architecture import ARCHITECTURES
from loadscope.tools.arch.furnish import (
    MODEL,
    add_worker,
    copy_checkout,
    copy_data,
    make_models,
    make_site,
)
from loadscope.tools.arch.inside import LANE, Inside
from loadscope.tools.arch.natives import ensure_natives
from loadscope.tools.arch.root import ensure_root

CHOSEN = ARCHITECTURES[os.environ.get("LOADSCOPE_ARCH", "s390x")]
SAMPLES = 4
CHECKOUT = Path(package.__file__).resolve().parents[2]


def quiet(what, done, total):
    pass


@pytest.fixture(scope="module")
def emulated():
    """The emulated machine, with the suite and Dask; its root is kept in the user's cache."""
    folder = Path(platformdirs.user_cache_dir("loadscope", appauthor=False)) / EMULATED
    folder = folder / CHOSEN.debian
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    with FileLock(folder / "lock"):
        try:
            require_tools(log, CHOSEN.tools)
            root = ensure_root(CHOSEN, folder, log)
            natives = ensure_natives(folder, root, log)
        except WorkError as error:
            pytest.skip(f"no emulated {CHOSEN.debian}: {error}")
        inside = Inside(root, Path(tempfile.mkdtemp(prefix="logs-", dir=folder)), quiet)
        copy_checkout(CHECKOUT, inside.folder / "repo")
        make_site(natives, inside.folder / "site")
        add_worker(inside.folder / "site", log)
        yield root, inside


def in_space(prefix, host, command, folder, environment, log):
    return subprocess.Popen(
        ["ip", "netns", "exec", f"{prefix}-{host}", *map(str, command)],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        start_new_session=True,
    )  # fmt: skip


def emulated_worker(root, inside, keys):
    """The command of its worker; with /proc, where a process finds itself and the others."""
    shutil.copytree(keys, inside.folder / "keys")
    (inside.folder / "cpuinfo").write_text(CHOSEN.cpuinfo)
    proc = root.path / "proc"
    script = (
        f"mount --bind /proc {proc} && mount --bind {inside.folder}/cpuinfo {proc}/cpuinfo && "
        f"exec chroot {root.path} /usr/bin/python3 -P -m loadscope worker "
        f"--scheduler tls://{HEAD}:{PORT} --keys {LANE}/keys --folder {LANE}/worker"
    )
    return ["sh", "-c", script]


def test_ibm_z_and_x86_64_answer_alike_in_one_campaign(emulated, tmp_path):
    root, inside = emulated
    models = make_models(tmp_path / "models", cache_root(), quiet)
    copy_data(tmp_path / "data", cache_root(), quiet)
    settings = {
        "models": [str(models)], "model": MODEL, "framework": "onnxruntime",
        "scenario": "SingleStream", "mode": ["performance", "accuracy"], "count": SAMPLES,
        "min_duration": "5s", "min_query_count": 64, "dataset_path": str(tmp_path / "data"),
    }  # fmt: skip
    (tmp_path / "small.yaml").write_text(json.dumps(settings))
    common = {
        "scripts": ["small.yaml"], "send": ["models", "dataset_path"],
        "golden": {"files": ["golden.npz"]},
    }  # fmt: skip
    path = f"{LANE}/site:{LANE}/repo/src:{LANE}/repo"
    there = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
             "LOADSCOPE_LAYOUT_SECONDS": "0"}  # fmt: skip
    targets = [
        {"name": "x86", "hosts": ["n1"], "machine": platform.machine(), **common},
        {"name": "emulated", "hosts": ["z1"], "machine": CHOSEN.machine, "environment": there,
         **common},
    ]  # fmt: skip
    file = {
        "name": "mixed", "rehearsal": True, "dispatcher": "dask", "targets": targets,
        "dispatcher_settings": {"listen": f"tls://{HEAD}:{PORT}"},
    }  # fmt: skip
    (tmp_path / "mixed.yaml").write_text(yaml.safe_dump(file))
    command = [sys.executable, "-P", "-m", "loadscope"]
    golden = ["golden", "--model", MODEL, "--models", models, "--framework", "onnxruntime",
              "--dataset-path", "data", "--count", SAMPLES, "--output", "golden.npz"]  # fmt: skip
    for arguments in (golden, ["campaign", "keys", "mixed.yaml"]):
        subprocess.run([*command, *map(str, arguments)], cwd=tmp_path, check=True)
    here = {**os.environ, "LOADSCOPE_CACHE": str(tmp_path / "cache")}
    inside_it = {
        **root.environment, "PYTHONPATH": path, "LOADSCOPE_CACHE": str(LANE / "cache"),
        "PATH": f"{root.environment['PATH']}:/usr/sbin:/sbin",
    }  # fmt: skip
    started = []
    with namespaces("n1", "z1") as prefix, (tmp_path / "workers.log").open("wb") as log:
        try:
            worker = [*command, "worker", "--scheduler", f"tls://{HEAD}:{PORT}",
                      "--keys", "mixed/keys/n1", "--folder", "n1"]  # fmt: skip
            started.append(in_space(prefix, "n1", worker, tmp_path, here, log))
            worker = emulated_worker(root, inside, tmp_path / "mixed/keys/z1")
            started.append(in_space(prefix, "z1", worker, tmp_path, inside_it, log))
            head = ["ip", "netns", "exec", f"{prefix}-head", *command, "campaign", "start"]
            done = subprocess.run(
                [*head, "mixed.yaml", "--wait", "10min", "--json"],
                cwd=tmp_path, env=here, stdout=subprocess.PIPE, text=True, timeout=3600,
            )  # fmt: skip
        finally:
            end(started)
    assert done.returncode == 0, (tmp_path / "workers.log").read_text()[-3000:]
    told = json.loads(done.stdout)
    status = [*command, "campaign", "status", "mixed"]
    print(subprocess.run(status, cwd=tmp_path, capture_output=True, text=True).stdout)
    assert told["counts"] == {"finished": 2}
    payloads = {}
    for cell in told["cells"]:
        agreement = cell["agreement"]
        assert agreement["passed"] and agreement["samples"] == SAMPLES
        assert agreement["top1_agreement"] == 1 and agreement["metric_delta"] == 0
        run = RunDirectory(tmp_path / "mixed" / cell["path"])
        log = run.path / "accuracy" / "mlperf_log_accuracy.json"
        payloads[run.read().host.machine] = {
            answer.index: answer.payload for answer in read_accuracy_log(log)
        }
    # One byte order on both: what the big-endian host has logged is the same byte for byte.
    assert set(payloads) == {platform.machine(), CHOSEN.machine}
    assert payloads[CHOSEN.machine] == payloads[platform.machine()]


def end(processes):
    """End the workers, and what they have started in their namespaces."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()
