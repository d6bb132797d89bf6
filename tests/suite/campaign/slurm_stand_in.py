"""Slurm's commands in one file, as far as a campaign speaks to them: the text of Slurm 22.05.

Called under the name of a command. What there is to know lies in ``SLURM_STAND_IN``: a folder a
job, ``nodes.json``, and the file ``away`` while the controller does not answer. A job begins when
its node is free, as its own session, and nothing of this file outlives the call.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(os.environ["SLURM_STAND_IN"])
NODES = json.loads((HERE / "nodes.json").read_text())


def fail(command, text):
    sys.exit(f"{command}: error: {text}")


def option(arguments, name, default=None):
    found = [one.partition("=")[2] for one in arguments if one.startswith(f"--{name}=")]
    return found[-1] if found else default


def jobs():
    return sorted(
        (path for path in HERE.iterdir() if path.name.isdigit()), key=lambda p: int(p.name)
    )


def read(job):
    return json.loads((job / "job.json").read_text())


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def state(job):
    if (job / "gone").exists():
        return None
    if (job / "cancelled").exists():
        return "CANCELLED"
    if not (job / "pid").exists():
        return "PENDING"
    if alive(int((job / "pid").read_text())):
        return "RUNNING"
    return "FAILED" if (job / "failed").exists() else "COMPLETED"


def schedule():
    """Begin what waits for a node that is free."""
    busy = {read(job)["node"] for job in jobs() if state(job) == "RUNNING"}
    for job in jobs():
        told = read(job)
        if state(job) != "PENDING" or told["node"] in busy or NODES[told["node"]] != "idle":
            continue
        busy.add(told["node"])
        with Path(told["output"]).open("ab") as output:
            # Slurm's own variables, and what a site may set for all.
            environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"],
                           "SLURM_JOB_ID": job.name, "OMP_NUM_THREADS": "1"}  # fmt: skip
            process = subprocess.Popen(
                ["sh", told["script"]], cwd=told["chdir"], env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        (job / "pid").write_text(str(process.pid))


def sbatch(arguments):
    node = option(arguments, "nodelist")
    if node not in NODES:
        fail("sbatch", "Batch job submission failed: Invalid node name specified")
    if option(arguments, "partition", "bench") != "bench":
        fail("sbatch", "Batch job submission failed: Invalid partition name specified")
    for wanted in ("--exclusive", "--mem=0", "--no-requeue", "--export=NONE"):
        if wanted not in arguments:
            fail("sbatch", f"the stand-in wants {wanted}")
    job = HERE / str(len(jobs()) + 1)
    job.mkdir()
    told = {"node": node, "script": arguments[-1], "name": option(arguments, "job-name"),
            "output": option(arguments, "output"), "chdir": option(arguments, "chdir")}  # fmt: skip
    (job / "job.json").write_text(json.dumps(told))
    print(job.name)
    sys.stdout.flush()
    if (HERE / "dies").exists():
        # As a login node that is switched off: the job is taken, and nobody hears of it.
        (HERE / "dies").unlink()
        os.kill(os.getppid(), signal.SIGKILL)


def squeue(arguments):
    name, number = option(arguments, "name"), option(arguments, "jobs")
    if name is not None:
        for job in jobs():
            if read(job)["name"] == name and state(job) in ("PENDING", "RUNNING"):
                print(job.name)
        return
    job = HERE / number
    if not job.exists() or state(job) is None:
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    found = state(job)
    print(f"{found}|{'Resources' if found == 'PENDING' else 'None'}")


def sacct(arguments):
    if not (HERE / "accounting").exists():
        sys.exit("Slurm accounting storage is disabled")
    job = HERE / option(arguments, "jobs")
    print((job / "gone").read_text())


def scancel(arguments):
    job = HERE / arguments[-1]
    if "--state=PENDING" in arguments and state(job) == "PENDING":
        (job / "cancelled").touch()
    elif "--batch" in arguments and state(job) == "RUNNING":
        os.kill(int((job / "pid").read_text()), signal.SIGTERM)


def sinfo(arguments):
    for node, told in NODES.items():
        print(node, told)


def srun(arguments):
    node = option(arguments, "nodelist")
    if any(read(job)["node"] == node and state(job) == "RUNNING" for job in jobs()):
        fail("srun", "Unable to allocate resources: Requested nodes are busy")
    at = next(i for i, one in enumerate(arguments) if not one.startswith("--"))
    sys.exit(subprocess.call(arguments[at:]))


if __name__ == "__main__":
    command = Path(sys.argv[0]).name
    if (HERE / "away").exists():
        fail(command, "Unable to contact slurm controller (connect failure)")
    for _ in range(2):
        schedule()
        time.sleep(0.01)
    globals()[command](sys.argv[1:])
    schedule()
