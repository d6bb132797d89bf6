"""What the runner has decided and the measured process carries out."""

from pydantic import BaseModel, ConfigDict, ValidationError

from loadscope.datasets.task import AnswerForm
from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.directory import PLAN_FILE, RunDirectory
from loadscope.rundir.record import LayoutRecord
from loadscope.rundir.user_conf import Setting, UserConf
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.layouts import Given, Limits
from loadscope.suite.models.manifest import Postprocess, Preprocess
from loadscope.sut.backend import Artifact


class TracePlan(BaseModel):
    """What a traced test collects.

    Attributes:
        level: The deepest level.
        batches: How many batches LoadGen is asked for.
        warmup: Traced batches before the test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: str
    batches: int
    warmup: int


class LayoutSearch(BaseModel):
    """What of the layout is to be found before the first test.

    Attributes:
        fresh: Whether to search though a layout is kept from before.
        seconds: At most, in all; 0 to take the rule's layout where none is kept.
        given: What is not to be changed.
        limits: Of the model and the data.
        file: The name of the file that has some of what is given; empty where none has.
        bound_ms: Server's bound, milliseconds; 0 in other scenarios.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fresh: bool = False
    seconds: float
    given: Given
    limits: Limits
    file: str = ""
    bound_ms: float = 0.0


class ProcessPlan(BaseModel):
    """``plan.json``: everything resolved, nothing left to look up; of use on this machine alone.

    Attributes:
        scenario: The LoadGen scenario.
        framework: The backend's name.
        loadgen_model: LoadGen's key of the model.
        task: The task's name.
        artifact: The model file and how to load it.
        data: The data set's folder.
        samples: The folder of the prepared samples.
        preprocess: The task's preprocessing settings.
        postprocess: The task's post-processing settings.
        answer_form: What data set and metric ask of the answers.
        execution: Batches, workers and threads; by rule while ``search`` is not None.
        search: What of them is to be found where the tests run; None when that is done.
        layout: How they were come by; None before.
        known: What calibration would measure, as it was measured when the layout was found.
        settings: The user.conf's settings, without what is calibrated.
        calibrate: Whether the target is to be measured before the first test.
        trace: What a traced test collects; None where nothing is traced.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: Scenario
    framework: str
    loadgen_model: str
    task: str
    artifact: Artifact
    data: str = ""
    samples: str
    preprocess: Preprocess
    postprocess: Postprocess
    answer_form: AnswerForm = AnswerForm()
    execution: Execution
    search: LayoutSearch | None = None
    layout: LayoutRecord | None = None
    known: float | None = None
    settings: tuple[Setting, ...]
    calibrate: bool
    trace: TracePlan | None = None

    @classmethod
    def of(cls, run: RunDirectory) -> "ProcessPlan":
        """The plan of a run that was made on this machine.

        Raises:
            InputError: There is none, or another version of LoadScope wrote it.
        """
        try:
            return cls.model_validate_json(run.plan_json())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InputError(
                f"{run.path / PLAN_FILE}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                "repeat the run, or use the version of LoadScope that wrote it",
            ) from error

    def user_conf(self) -> UserConf:
        """The settings as a user.conf."""
        return UserConf(self.settings)
