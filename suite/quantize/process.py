"""The process that quantises: ``python -m loadscope.suite.quantize.process JOB.json``.

The framework and its tool are imported here alone, and what they print goes to the caller's log.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from loadscope.datasets.registry import task
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.models.manifest import Preprocess
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Quantize
from loadscope.sut.info import named
from loadscope.tensors import Tensors


class QuantizeJob(BaseModel):
    """What is to be quantised; nothing is left to look up.

    Attributes:
        location: Of the quantiser.
        task: The task's name.
        artifact: The model in float32.
        samples: The folder of the prepared calibration samples.
        preprocess: What they were prepared with.
        output: The file to write.
        errors: The file that an error of ours goes to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    location: str
    task: str
    artifact: Artifact
    samples: Path
    preprocess: Preprocess
    output: Path
    errors: Path


def carry_out(job: QuantizeJob) -> None:
    """Quantise.

    Raises:
        InputError: The model cannot be quantised.
    """
    artifact = job.artifact
    library = task(job.task).library(job.samples, job.preprocess, artifact.inputs, artifact.layout)
    library.load(range(len(library)))

    def samples() -> Iterator[Tensors]:
        for index in range(len(library)):
            # A batch is valid until the next one, and tools keep several.
            yield {name: np.array(values) for name, values in library.batch([index]).items()}

    quantize: Quantize = named(job.location)
    quantize(artifact, samples, job.output)


def main(path: Path) -> int:
    """Carry a job out; gives the exit status."""
    job = QuantizeJob.model_validate_json(path.read_bytes())
    try:
        carry_out(job)
    except LoadScopeError as error:
        job.errors.write_text(json.dumps([error.message, error.fix]), encoding="utf-8")
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
