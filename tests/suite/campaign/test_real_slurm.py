"""A campaign on a real Slurm of one node, which is this machine, on ports of its loopback.

Debian's packages slurmctld, slurmd, slurm-client and munge, and root, who may start them.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from loadscope.rundir.directory import RunDirectory
from loadscope.suite.campaign.grid import read_grid

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
PATH = f"{os.environ['PATH']}:/usr/sbin"
MISSING = [name for name in NEEDED if shutil.which(name, path=PATH) is None]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may start munged and slurmd"),
]

CONFIGURATION = """ClusterName=tests
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
SchedulerType=sched/builtin
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=bench Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def node(tmp_path_factory, monkeypatch, wait_for):
    """A cluster of this machine; the name of its node."""
    # munged wants a folder that nobody else may write into, up to the root.
    folder = Path("/run") / f"loadscope-{tmp_path_factory.getbasetemp().name}-{os.getpid()}"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    name = socket.gethostname().partition(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder, node=name, port=free_port(), node_port=free_port(), cpus=os.cpu_count()
        )
    )
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("SLURM_CONF", str(configuration))
    munged = ["munged", "--foreground", "--force", f"--key-file={folder}/key"]
    munged += [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "log", "seed")]
    daemons = [[*munged, f"--socket={folder}/munge"], ["slurmctld", "-D"], ["slurmd", "-D"]]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in daemons:
            started.append(subprocess.Popen(
                command, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ))  # fmt: skip
            if command[0] == "munged":
                wait_for((folder / "munge").exists, started[-1])
        deadline = time.monotonic() + 60
        asked = ["sinfo", "--noheader", "--format=%T"]
        while subprocess.run(asked, capture_output=True, text=True).stdout.strip() != "idle":
            if time.monotonic() > deadline:
                pytest.skip(f"Slurm does not start here: {_last(folder / 'slurmd.log')}")
            time.sleep(0.2)
        yield name
    finally:
        for process in reversed(started):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _last(log):
    return log.read_text().strip().splitlines()[-1] if log.exists() else "no log"


def test_a_campaign_on_a_real_slurm(node, campaign_file, loadscope, environment, tmp_path):
    environment |= {name: os.environ[name] for name in ("PATH", "SLURM_CONF")}
    file = campaign_file(hosts=[node], scenarios=["SingleStream", "Offline"], dispatcher="slurm")
    told = json.loads(loadscope("campaign", "start", file, "--json").stdout)
    assert told["counts"] == {"finished": 2}
    for cell in read_grid(tmp_path / "autumn").cells:
        assert (cell.tries, cell.host) == (1, node)
        assert RunDirectory(tmp_path / "autumn" / cell.path).read().host.environment == {}
