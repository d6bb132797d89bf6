"""What is said of a run whose answers come token by token."""

from typing import Annotated

from pydantic import BaseModel

from loadscope.names import Scenario
from loadscope.rundir.spec_fields import Group, Only, told
from loadscope.rundir.spec_numbers import Samples, TargetLatency


class TokensSpec(BaseModel):
    """The fields of a ``RunSpec`` that are for a model that generates."""

    ttft_latency: Annotated[
        TargetLatency | None,
        told(
            Group.TARGETS,
            "Server's bound of the time to the first token, for a task whose answers come token "
            "by token. Default: the round's, else LoadGen's 100ms.",
            "ms",
        ),
        Only((Scenario.SERVER,), "only Server has a bound, {scenario} none"),
    ] = None
    tpot_latency: Annotated[
        TargetLatency | None,
        told(
            Group.TARGETS,
            "Server's bound of the time of each further token. Default: the round's, else "
            "LoadGen's 100ms.",
            "ms",
        ),
        Only((Scenario.SERVER,), "only Server has a bound, {scenario} none"),
    ] = None
    interactive: Annotated[
        bool,
        told(
            Group.TARGETS,
            "Run Server as the round's scenario Interactive, with its tighter bounds of tokens.",
        ),
    ] = False
    token_budget: Annotated[
        Samples | None,
        told(
            Group.EXECUTION,
            "Most tokens of prompts and answers in a running batch, each sample counted as long "
            "as the longest can become; for models that generate. Default: no bound beside "
            "batch_size.",
            "tokens",
        ),
    ] = None
