"""How the work of a scenario is spread over batches, workers and threads."""

import sys
from dataclasses import dataclass

from loadscope.errors import InputError
from loadscope.names import Scenario

MULTI_STREAM_SAMPLES = 8
"""Samples in a MultiStream query (mlperf.conf, ``*.MultiStream.samples_per_query``)."""

OFFLINE_BATCH = 8
"""Best or near it for image models on one core each; larger ones fall out of the cache."""


GPU_OFFLINE_BATCH = 64
"""A GPU is not full with fewer images, and any that serves has the memory."""

GPU_WORKERS = 2
"""One copies while the other computes."""


@dataclass(frozen=True)
class Execution:
    """The settings in force, all of them decided.

    Attributes:
        batch_size: Most samples in one ``predict``.
        workers: Threads that call ``predict`` at once; 1 where the callback answers.
        threads: Threads of the framework's own in each ``predict``.
        max_wait_ms: Longest time that Server holds a sample back to fill a batch.
        instances: Processes that share the workers; 1 for the measured process alone.
        late_after_ms: Latency that Server has to keep; samples that cannot keep it any more wait
            until nothing else does. 0 for all samples in turn.
        prefetch: Batches that each worker of an instance has lying ready beside the one that it
            computes.
        token_budget: Most tokens of prompts and answers in a running batch of a model that
            generates them; 0 for any.
    """

    batch_size: int
    workers: int
    threads: int
    max_wait_ms: float = 0.0
    instances: int = 1
    late_after_ms: float = 0.0
    prefetch: int = 0
    token_budget: int = 0

    @classmethod
    def decide(
        cls,
        scenario: Scenario,
        cores: int,
        batch_size: int | None = None,
        workers: int | None = None,
        threads: int | None = None,
        max_wait_ms: float | None = None,
        max_batch: int | None = None,
        instances: int = 1,
        one_caller: bool = False,
        gpu: bool = False,
    ) -> "Execution":
        """Fill in what was not asked for, by rule; ``layouts`` has what is worth measuring.

        A lone query gets all cores. Where there is work for every core, one thread in each
        of as many workers mostly beats one worker with many threads (no barriers inside layers).

        Args:
            scenario: The LoadGen scenario.
            cores: Physical cores that this process may use.
            batch_size: As asked for, or None.
            workers: As asked for, or None.
            threads: As asked for, or None.
            max_wait_ms: As asked for, or None; Server only.
            max_batch: How many samples the model's file takes at once; None for any number.
            instances: Processes that share the workers, each of the same number.
            one_caller: Whether a process can have one worker only, which has all cores.
            gpu: Whether a GPU computes.

        Raises:
            InputError: The combination makes no sense in this scenario.
        """
        if max_wait_ms is not None and scenario is not Scenario.SERVER:
            raise InputError(
                f"--max-wait {max_wait_ms:g}ms: {scenario} has no queue to wait in", "leave it out"
            )
        if max_batch is not None and batch_size is not None and batch_size > max_batch:
            raise InputError(
                f"--batch-size: expected at most {max_batch}, the batch of the model's file, "
                f"got {batch_size}",
                f"use at most {max_batch}, or a file with a free batch axis",
            )
        limit = max_batch or sys.maxsize
        if not scenario.inline:
            if one_caller and workers is None:
                workers = instances
            if gpu and workers is None:
                workers = GPU_WORKERS * instances
            if workers is None:
                workers = max(1, cores // instances // (threads or 1)) * instances
            if workers % instances:
                raise InputError(
                    f"--workers: expected a multiple of the {instances} instances, got {workers}",
                    f"use a multiple of {instances}, or leave --workers out",
                )
            if one_caller and workers > instances:
                raise InputError(
                    f"--workers: expected at most {instances}, got {workers}: the framework takes "
                    "one thread a process",
                    f"use processes instead: --instances {workers}",
                )
            # A file of a fixed size computes as many samples whatever it is given.
            offline_batch = GPU_OFFLINE_BATCH if gpu else OFFLINE_BATCH
            default_batch = max_batch or (offline_batch if scenario is Scenario.OFFLINE else 1)
            return cls(
                batch_size or min(default_batch, limit),
                workers,
                threads or max(1, cores // workers),
                max_wait_ms or 0.0,
                instances,
                # Offline always has a next batch; in Server it is better merged with later ones.
                prefetch=int(instances > 1 and scenario is Scenario.OFFLINE),
            )
        if instances > 1:
            raise InputError(
                f"--instances: expected 1 in {scenario}, got {instances}",
                "leave --instances out and raise --threads",
            )
        if workers not in (None, 1):
            raise InputError(
                f"--workers: expected 1 in {scenario}, got {workers}",
                "leave --workers out and raise --threads",
            )
        most = MULTI_STREAM_SAMPLES if scenario is Scenario.MULTI_STREAM else 1
        if batch_size is not None and batch_size > most:
            raise InputError(
                f"--batch-size: expected at most {most}, the samples of a {scenario} query, "
                f"got {batch_size}",
                f"use at most {most}",
            )
        return cls(batch_size or min(most, limit), 1, threads or cores)
