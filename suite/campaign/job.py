"""What a campaign sends to a host and hears from it: JSON alone, never code.

A job is one run directory: the performance test, and where it is VALID the accuracy and the
compliance tests. It runs once on one host; a further try is a job of its own.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from loadscope.rundir.part import Part
from loadscope.rundir.progress import LiveProgress

Status = Literal["absent", "waiting", "running", "lost", "ended"]
Ending = Literal["finished", "invalid", "failed", "cancelled"]


class SentFile(Part):
    """A file that the coordinator has, by its digest.

    Attributes:
        name: Below the folder of its input, with ``/``.
        sha256: Of its content.
        bytes: Its size.
    """

    name: str
    sha256: str
    bytes: int


class SentInput(Part):
    """A setting whose file or folder comes from the coordinator.

    Attributes:
        setting: The field of ``RunSpec``, whose value on the host is the path there.
        at: The place in a setting that is a list.
        name: What the file or folder is called there.
        files: What it consists of; one of an empty name where it is a file.
        entry: The file of a folder that the setting names, where it is not the folder itself.
    """

    setting: str
    at: int | None = None
    name: str
    files: tuple[SentFile, ...]
    entry: str = ""


class Job(Part):
    """One try of one run of a campaign.

    Attributes:
        id: Unlike all others of the campaign, and fit for a folder's name.
        campaign: The campaign's id, a folder's name on the host.
        host: Where it runs; another host refuses it.
        settings: A ``RunSpec`` as ``run.json`` holds it.
        find_rate: Whether Server's highest valid rate is searched for first.
        inputs: What the coordinator sends.
        environment: All that the process has beside ``HOST_VARIABLES``.
        goes_on: The id of an earlier try on the same host whose run directory is gone on with.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    campaign: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    host: str
    settings: dict[str, JsonValue]
    find_rate: bool = False
    inputs: tuple[SentInput, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    goes_on: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


class Outcome(Part):
    """What a job came to: the content of ``ended.json``.

    Attributes:
        status: ``finished`` where all tests did and performance is VALID.
        began: Seconds since the epoch by the host's clock, when it had the host.
        ended: Likewise.
        message: What went wrong.
        fix: What to do about it.
        bad_input: Whether another try cannot help.
        reasons: Why LoadGen calls the performance test INVALID.
        noise: What else the host did meanwhile.
        rehearsal: Why it is shorter than full length.
        uid: The run's.
    """

    status: Ending
    began: float
    ended: float
    message: str = ""
    fix: str = ""
    bad_input: bool = False
    reasons: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    rehearsal: tuple[str, ...] = ()
    uid: str | None = None

    @property
    def noisy(self) -> bool:
        """Whether it is INVALID on a host that did something else too."""
        return self.status == "invalid" and bool(self.noise)


class JobState(Part):
    """How a job stands on its host.

    Attributes:
        status: ``absent``: never started there. ``waiting``: for the host's lock. ``lost``: its
            process has vanished without a word, as when the host is switched off.
        outcome: Once it has ended.
        progress: Where its LoadGen test stands.
        said: The last line that a lost one has printed.
    """

    status: Status
    said: str = ""
    outcome: Outcome | None = None
    progress: LiveProgress | None = None


class HostFacts(Part):
    """What a host says of itself.

    Attributes:
        name: As the campaign calls it.
        machine: As ``uname -m`` has it.
        processor: As the system names it, if it does.
        loadscope, loadgen, python: Versions.
        devices: What can compute beside the processors.
        clock: Seconds since the epoch.
        free_bytes: Free disk space in the folder of its jobs.
        others_percent: Share of the CPU time that was used when it was asked, over half a second.
        measuring: How many tests run there, of whomever.
    """

    name: str
    machine: str
    processor: str | None = None
    loadscope: str
    loadgen: str
    python: str
    devices: tuple[str, ...] = ()
    clock: float
    free_bytes: int
    others_percent: float = 0.0
    measuring: int = 0


HOST_VARIABLES = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "USER",
    "XDG_CACHE_HOME", "LOADSCOPE_CACHE",
)  # fmt: skip
"""What a job's process takes from its host's environment; everything else is listed in the job.

No variable that sets a number of threads is among them: dispatchers set those for their own sake,
and a figure would be wrong without a word.
"""


def job_environment(job: Job, here: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a job's process.

    Args:
        job: The job.
        here: The host's.
    """
    kept = {name: here[name] for name in HOST_VARIABLES if name in here}
    return {**kept, **job.environment}
