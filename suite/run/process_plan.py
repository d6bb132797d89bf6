"""What the runner has decided and the measured process carries out."""

from pydantic import BaseModel, ConfigDict

from loadscope.datasets.task import AnswerForm
from loadscope.names import Scenario
from loadscope.rundir.user_conf import Setting, UserConf
from loadscope.scenarios.execution import Execution
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


class ChildPlan(BaseModel):
    """The ``plan`` of ``run.json``: everything resolved, nothing left to look up.

    Attributes:
        scenario: The LoadGen scenario.
        framework: The backend's name.
        loadgen_model: LoadGen's key of the model.
        task: The task's name.
        artifact: The model file and how to load it.
        samples: The folder of the prepared samples.
        preprocess: The task's preprocessing settings.
        postprocess: The task's post-processing settings.
        answer_form: What data set and metric ask of the answers.
        execution: Batches, workers and threads.
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
    samples: str
    preprocess: Preprocess
    postprocess: Postprocess
    answer_form: AnswerForm = AnswerForm()
    execution: Execution
    settings: tuple[Setting, ...]
    calibrate: bool
    trace: TracePlan | None = None

    def user_conf(self) -> UserConf:
        """The settings as a user.conf."""
        return UserConf(self.settings)
