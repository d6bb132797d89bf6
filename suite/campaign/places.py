"""Where things lie in a campaign's folder.

============================  =====================================================================
``campaign.yaml``             The campaign file as it was started.
``plan.json``                 Every run.
``journal.jsonl``             What has happened.
``runs/GROUP/RUN/``           The run directories that finished, as copied from their hosts.
``jobs/RUN.TRY/``             What a host said of a try: its log, its end, and where it did not
                              finish its run directory.
``submission/GROUP/``         The trees.
``golden/TARGET/MODEL.npz``    The golden files, as they were when the campaign started.
``agreement/RUN.json``        How a run stands to its golden file.
``keys/``                     Certificates, where the dispatcher has any.
``cancel``                    Somebody wants the campaign to end.
============================  =====================================================================
"""

from pathlib import Path

from loadscope.suite.campaign.job_folder import RUN
from loadscope.suite.campaign.planned import PlannedRun

CAMPAIGN_FILE, CANCEL_FILE = "campaign.yaml", "cancel"


def fetched(folder: Path, job: str) -> Path:
    """Where the files of a job come to."""
    return folder / "jobs" / job


def run_folder(folder: Path, run: PlannedRun) -> Path:
    """Where the run directory of a run that finished lies."""
    return folder / "runs" / run.group / run.id


def group_runs(folder: Path, group: str) -> Path:
    """The folder of the run directories that one submission tree is made of."""
    return folder / "runs" / group


def tree_folder(folder: Path, group: str) -> Path:
    """Where the submission tree of a group lies."""
    return folder / "submission" / group


def golden_folder(folder: Path, target: str) -> Path:
    """Where the golden files of a target lie."""
    return folder / "golden" / target


def agreement_file(folder: Path, run: PlannedRun) -> Path:
    """Where it is written how a run stands to its golden file."""
    return folder / "agreement" / f"{run.id}.json"


def place_run(folder: Path, run: PlannedRun, job: str) -> None:
    """Give the fetched run directory of a job that finished its place, unless it has it."""
    came, final = fetched(folder, job) / RUN, run_folder(folder, run)
    if came.exists() and not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        came.replace(final)
