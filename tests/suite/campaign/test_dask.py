"""Keys, and the dispatcher over Dask on loopback: who may say what for whom."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import loadscope as package
from loadscope.errors import InputError, WorkError
from loadscope.suite.campaign import keys as campaign_keys
from loadscope.suite.campaign.dask.dispatcher import DASK
from loadscope.suite.campaign.dask.settings import dask_settings, read_address
from loadscope.suite.campaign.keys import coordinator_keys, host_keys, make_keys

pytest.importorskip("cryptography")
pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    assert make_keys(folder, ["n1", "n2"]) == ["n1", "n2"]
    return folder


def test_keys_are_private_and_name_their_host(keys):
    before = {path: path.read_bytes() for path in (keys / "keys").rglob("*") if path.is_file()}
    assert make_keys(keys, ["n1", "n2", "n3"]) == ["n3"]
    assert all(path.read_bytes() == content for path, content in before.items())
    for path in (keys / "keys").rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((keys / "keys/n1").stat().st_mode) == 0o700
    assert host_keys(keys / "keys/n1").require().name == "n1"
    assert coordinator_keys(keys).name == "coordinator"
    with pytest.raises(InputError, match="a host cannot be called 'coordinator'"):
        make_keys(keys, ["coordinator"])


def test_names_that_no_certificate_holds(tmp_path):
    folder = tmp_path / ("f" * 80)
    with pytest.raises(InputError, match="a certificate holds 64 characters of a name, got 65"):
        make_keys(folder, ["n1", "h" * 65])
    assert not folder.exists()
    # The folder's name is for people alone, and is cut.
    assert make_keys(folder, ["h" * 64]) == ["h" * 64]


def test_keys_whose_making_was_cut_short_are_made_again(tmp_path, monkeypatch):
    write = campaign_keys._write

    def full(path, content, mode):
        if path.name == stops_at:
            raise OSError(28, "No space left on device", str(path))
        write(path, content, mode)

    for stops_at in (
        "ca.key",
        "ca.pem",
        "coordinator.key",
        "coordinator.pem",
        "host.key",
        "host.pem",
    ):
        folder = tmp_path / stops_at
        with monkeypatch.context() as patch:
            patch.setattr(campaign_keys, "_write", full)
            with pytest.raises(WorkError, match="No space left"):
                make_keys(folder, ["n1"])
        assert make_keys(folder, ["n1"]) == ["n1"]
        assert host_keys(folder / "keys/n1").require().name == "n1"
        assert coordinator_keys(folder).require().name == "coordinator"


def test_keys_that_others_can_read_are_refused(tmp_path):
    make_keys(tmp_path, ["n1"])
    key = tmp_path / "keys/n1/host.key"
    key.chmod(0o640)
    with pytest.raises(InputError, match="expected mode 600, got 640"):
        host_keys(key.parent).require()
    (tmp_path / "keys/coordinator.key").chmod(0o644)
    with (
        pytest.raises(InputError, match="can be read by others"),
        DASK.open(tmp_path, ("n1",), {"listen": "tls://127.0.0.1:0"}),
    ):
        pass
    with pytest.raises(InputError, match="not found"):
        host_keys(tmp_path / "keys/n9").require()


@pytest.mark.parametrize(
    ("name", "content"),
    [("host.pem", None), ("host.key", b"\xff\xfe"), ("ca.pem", b"none"), ("host.pem", b"")],
)
def test_keys_that_do_not_belong_together_are_refused(keys, loadscope, tmp_path, name, content):
    folder = tmp_path / "keys"
    shutil.copytree(keys / "keys/n1", folder)
    other = (keys / "keys/n2" / name).read_bytes()
    (folder / name).write_bytes(other if content is None else content)
    options = ("--scheduler", "tls://127.0.0.1:9", "--folder", tmp_path / "worker")
    said = loadscope("worker", "--keys", folder, *options, status=2).stderr
    assert f"loadscope: {folder / 'ca.pem'}, host.pem, host.key: not usable together: " in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "missing key 'listen'"),
        ({"listen": "tcp://127.0.0.1:1"}, "listen"),
        ({"listen": "tls://127.0.0.1:1", "port": 1}, "unknown key 'port'"),
        ({"listen": "tls://127.0.0.1:65536"}, "expected a port of 65535 at most"),
        ({"listen": "tls://h:1", "contact": "tls://h:70000"}, "contact = 'tls://h:70000'"),
    ],
)
def test_wrong_settings_are_told(settings, said):
    with pytest.raises(InputError, match="dispatcher_settings: ") as caught:
        dask_settings(settings)
    assert said in caught.value.message


def test_a_port_that_is_left_out_is_the_same_on_both_sides():
    assert dask_settings({"listen": "tls://10.0.0.1"}).host_port == ("10.0.0.1", 8786)
    assert read_address("tls://10.0.0.1", "--scheduler") == ("10.0.0.1", 8786)


@pytest.mark.parametrize("wrong", ["tcp://h:1", "h:1", "tls://h:0", "tls://h:65536", "tls://:1"])
def test_a_worker_names_the_option_of_a_wrong_address(keys, loadscope, wrong):
    given = {"--scheduler": "tls://h:1", "--listen": "tls://h:1", "--contact": "tls://h:1"}
    for option in given:
        options = [part for pair in {**given, option: wrong}.items() for part in pair]
        said = loadscope("worker", "--keys", keys / "keys/n1", *options, status=2).stderr
        assert said.startswith(f"loadscope: {option}: expected tls://HOST:PORT, got '{wrong}'")
        assert len(said.splitlines()) == 2


def test_ssh_brings_keys_and_leaves_a_worker_behind(keys, tmp_path, monkeypatch):
    """A real shell runs the commands; what carries them is a stand-in for ssh."""
    ssh, worker, said = tmp_path / "bin/ssh", tmp_path / "loadscope", tmp_path / "said"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$4" >> {said}\nexec sh -c "$last"\n')
    worker.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/started\n')
    for script in (ssh, worker):
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(ssh.parent), prepend=os.pathsep)
    there = tmp_path / "there"
    way = {"address": "bench@n1", "command": str(worker), "folder": str(there)}
    settings = {"listen": "tls://10.0.0.1:8786", "ssh": {"n1": way}, "ssh_options": ["-q"]}
    assert DASK.start_workers(keys, ("n1", "n2"), settings) == ("n1",)
    wait_until((tmp_path / "started").exists)
    wait_until(lambda: (tmp_path / "started").read_text())
    assert (tmp_path / "started").read_text().split() == [
        "worker", "--scheduler", "tls://10.0.0.1:8786", "--keys", f"{there}/keys",
        "--folder", str(there),
    ]  # fmt: skip
    assert host_keys(there / "keys").require().name == "n1"
    assert set(said.read_text().split()) == {"bench@n1"}
    ssh.write_text("#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")
    with pytest.raises(WorkError, match=r"n1: ssh bench@n1: Permission denied \(publickey\)\."):
        DASK.start_workers(keys, ("n1",), settings)
    with pytest.raises(InputError, match="no host of the campaign is named"):
        DASK.start_workers(keys, ("n2",), settings)


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_reports_for_its_own_host_alone(keys, tmp_path):
    program = Path(__file__).with_name("dask_process.py")
    done = subprocess.run(
        [sys.executable, "-P", program, keys, tmp_path],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert "a worker reports for 'n1', but its certificate is not that host's" in told["liar"]
    assert "it names 'n2'" in told["liar"]
    assert told["foreign_client"] != "taken"
    assert told["hosts"] == ["n1"]
    assert (told["facts"]["name"], told["facts"]["loadscope"]) == ("n1", package.__version__)
    assert "name taken" in told["twin"] and told["after_twin"] == "n1"
    assert told["state"] == "absent"
    assert "the job a.1 is for the host 'n2', this one is 'n1'" in told["other_host"]
    # Long before the longest answer would have to be there.
    assert told["cut_off"].startswith("n1: ") and told["cut_off_s"] < 80
    assert told["gone"].startswith("n1: no worker reports for it")
    assert told["listen"].startswith("dispatcher_settings: listen: tls://192.0.2.1:1: ")
