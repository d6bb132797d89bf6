"""Workers started by ssh, through a real sshd on loopback; skipped where there is none."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}") or ""
pytestmark = pytest.mark.skipif(
    not SSHD or shutil.which("ssh") is None, reason="no sshd here: apt install openssh-server"
)
pytest.importorskip("cryptography")
pytest.importorskip("distributed")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def ssh_options(tmp_path):
    """An sshd that takes one key alone; yields the options of ssh that lead to it."""
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    if os.geteuid() == 0:
        # Where sshd was never started as a service.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    kind, key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    told = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized", "UsePAM": "no", "StrictModes": "no",
        "PasswordAuthentication": "no", "PidFile": "none",
    }  # fmt: skip
    options = [part for name, value in told.items() for part in ("-o", f"{name}={value}")]
    with (folder / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *options], stderr=log)
    try:
        wait_until(lambda: "listening on 127.0.0.1" in (folder / "sshd.log").read_text())
        yield [
            "-F", "none", "-p", str(port), "-i", str(folder / "user"), "-o",
            f"UserKnownHostsFile={folder / 'known'}", "-o", "IdentitiesOnly=yes",
        ]  # fmt: skip
    finally:
        daemon.terminate()
        daemon.wait(10)


@pytest.fixture
def host(tmp_path, environment):
    """The folder of a host, whose command keeps its process's number there."""
    folder = tmp_path / "there"
    folder.mkdir()
    command = tmp_path / "loadscope"
    command.write_text(
        f"#!/bin/sh\necho $$ >> {tmp_path}/pids\n"
        f"LOADSCOPE_CACHE={environment['LOADSCOPE_CACHE']} exec {sys.executable} -P -m loadscope "
        '"$@"\n'
    )
    command.chmod(0o755)
    yield {
        "address": f"{getpass.getuser()}@127.0.0.1", "command": str(command), "folder": str(folder),
    }  # fmt: skip
    with contextlib.suppress(FileNotFoundError):
        for pid in (tmp_path / "pids").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_campaign_starts_its_worker_by_ssh_and_leaves_it_running(
    campaign_file, loadscope, ssh_options, host, tmp_path
):
    settings = {
        "listen": f"tls://127.0.0.1:{free_port()}", "ssh": {"n1": host}, "ssh_options": ssh_options,
    }  # fmt: skip
    file = campaign_file(
        hosts=["n1"], dispatcher="dask", dispatcher_settings=settings,
        target={"send": ["models", "dataset_path"]},
    )  # fmt: skip
    loadscope("campaign", "keys", file)
    done = loadscope("campaign", "start", file, "--ssh", "--wait", "2min", "--json")
    assert "n1: worker started by ssh" in done.stderr
    assert json.loads(done.stdout)["counts"] == {"finished": 1}
    (pid,) = map(int, (tmp_path / "pids").read_text().split())
    # The worker is nobody's: ssh and the coordinator have ended.
    os.kill(pid, 0)
    keys = Path(host["folder"]) / "keys"
    assert {path.name: path.stat().st_mode & 0o777 for path in keys.iterdir()} == {
        "ca.pem": 0o600, "host.pem": 0o600, "host.key": 0o600,
    }  # fmt: skip
    # Started again, the one that is there stays, and the second says why it ends.
    again = loadscope("campaign", "resume", tmp_path / "autumn", "--ssh", "--json")
    assert json.loads(again.stdout)["counts"] == {"finished": 1}
    log = Path(host["folder"]) / "worker.log"
    wait_until(lambda: "another worker of this host runs already" in log.read_text())
    os.kill(pid, 0)


def test_a_key_that_the_host_does_not_take_is_told(
    campaign_file, loadscope, ssh_options, host, tmp_path
):
    options = [one.replace("ssh/user", "ssh/stranger") for one in ssh_options]
    settings = {
        "listen": f"tls://127.0.0.1:{free_port()}", "ssh": {"n1": host}, "ssh_options": options,
    }  # fmt: skip
    file = campaign_file(hosts=["n1"], dispatcher="dask", dispatcher_settings=settings)
    loadscope("campaign", "keys", file)
    said = loadscope("campaign", "start", file, "--ssh", status=1).stderr
    assert f"n1: ssh {host['address']}: " in said
    assert "Permission denied (publickey" in said
    assert not (tmp_path / "pids").exists()
