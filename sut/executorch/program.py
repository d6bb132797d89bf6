"""ExecuTorch's end: runs in its own Python."""

import os
import tempfile
from typing import Any, Dict, List, Sequence, Tuple

import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

from loadscope.sut.interpreter.guest.errors import InputError
from loadscope.sut.interpreter.guest.model import Model, Tensor, TensorInfo

_METHOD = "forward"
_DTYPES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32",
    7: "float64", 11: "bool",
}  # fmt: skip
"""NumPy's names of PyTorch's ScalarType numbers."""


class ExecuTorchProgram:
    """Runs the method ``forward`` of a ``.pte`` file on XNNPACK, and what that lacks on kernels.

    Attributes:
        fixed: The batch size of the file.
    """

    def load(self, model: Model, threads: int) -> Dict[str, Any]:
        """Load the file and hold its tensors against the manifest."""
        self._model = model
        portable_lib._unsafe_reset_threadpool(threads)
        try:
            # The method looks into the program.
            self._program = Runtime.get().load_program(model.path)
            self._method = self._program.load_method(_METHOD)
        except (RuntimeError, OSError, ValueError) as error:
            raise InputError(
                "ExecuTorch cannot load {}: {}".format(model.path, _line(error)),
                "export it again with this version of ExecuTorch",
            ) from error
        if self._method is None:
            raise InputError(
                "{} has no method '{}'".format(model.path, _METHOD), "export a module's forward"
            )
        told = self._method.metadata
        given = [told.input_tensor_meta(at) for at in range(told.num_inputs())]
        found = [told.output_tensor_meta(at) for at in range(told.num_outputs())]
        self.fixed = _require("input", model.inputs, given)
        _require("output", model.outputs, found)
        if self.fixed != model.max_batch:
            raise InputError(
                "{} takes {} samples at once".format(model.path, self.fixed),
                "declare max_batch: {} in the model's manifest".format(self.fixed),
            )
        self._tensors: Dict[int, Any] = {}
        return {
            "settings": {
                "threads": portable_lib._threadpool_get_thread_count(),
                "device": "cpu",
                "fixed_batch": self.fixed,
            }
        }

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Run the method."""
        batch, count = self.batch(inputs)
        return [one.numpy()[:count] for one in self._method.execute(batch)]

    def batch(self, inputs: Sequence[Tensor]) -> Tuple[List[Any], int]:
        """Inputs as tensors that look into the shared memory, filled up, and how many samples."""
        count = inputs[0].shape[0]
        if count > self.fixed:
            raise InputError(
                "the batch has {} samples; the model's file takes {}".format(count, self.fixed),
                "use --batch-size {} or less".format(self.fixed),
            )
        found = []
        for one in inputs:
            tensor = self._tensors.get(id(one))
            if tensor is None:
                tensor = self._tensors[id(one)] = torch.from_numpy(one.array)
            if count < self.fixed:
                tensor = torch.cat(
                    [tensor, tensor[-1:].expand(self.fixed - count, *tensor.shape[1:])]
                )
            found.append(tensor)
        return found, count

    def close(self) -> None:
        """Drop the program."""
        self._method = self._program = None

    def tracer(self) -> "ExecuTorchTracer":
        """A second load of the file, which records events."""
        return ExecuTorchTracer(self, self._model.path)

    def export(self, source: str, target: str, options: Dict[str, Any]) -> None:
        """Lower a program of ``torch.export.save``; see ``loadscope.sut.executorch.lower``."""
        from loadscope.sut.executorch.lower import lower

        lower(source, target)


class ExecuTorchTracer:
    """Records ETDump events, which are read when the work is over.

    Args:
        program: The loaded program.
        path: The ``.pte`` file.
    """

    def __init__(self, program: ExecuTorchProgram, path: str) -> None:
        self._batch = program.batch
        self._path = path
        self._module = portable_lib._load_for_executorch(path, enable_etdump=True)
        self._runs = self._dropped = 0

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Run the method and have its events recorded."""
        batch, count = self._batch(inputs)
        outputs = self._module.run_method(_METHOD, batch)
        self._runs += 1
        return [one.numpy()[:count] for one in outputs]

    def forget(self) -> None:
        """Leave the runs so far out; the recorder itself keeps them."""
        self._dropped = self._runs

    def layers(self) -> List[Any]:
        """The events of each run: name, instruction, and start and length in nanoseconds.

        The start is that since the method's own.
        """
        from executorch.devtools import Inspector

        from loadscope.sut.executorch.notes import read_notes

        with tempfile.TemporaryDirectory() as folder:
            dump = os.path.join(folder, "events.etdump")
            self._module.write_etdump_result_to_file(dump, os.path.join(folder, "values"))
            blocks = Inspector(etdump_path=dump).event_blocks
        notes = read_notes(self._path)
        runs = [_events(block) for block in blocks if block.name == "Execute"]
        each = [run for block in runs for run in block]
        return [{"events": run, "notes": notes} for run in each[self._dropped :]]


def _events(block: Any) -> List[List[Any]]:
    """The layers of each run of a block."""
    whole = next(event for event in block.events if event.name == "Method::execute")
    runs: List[List[Any]] = [[] for _ in whole.perf_data.raw]
    for event in block.events:
        kernel = event.name.startswith("native_call_")
        if event.perf_data is None or not (event.is_delegated_op or kernel):
            continue
        for run, spent, start, begin in zip(
            runs, event.perf_data.raw, event.start_time, whole.start_time
        ):
            # Milliseconds, and ticks of a nanosecond.
            run.append(
                [event.name, event._instruction_id, int(start - begin), int(spent * 1000000)]
            )
    for run in runs:
        run.sort(key=lambda event: event[2])
    return runs


def _require(side: str, declared: Sequence[TensorInfo], actual: Sequence[Any]) -> int:
    """Hold declared tensors against the file's, which have no names; returns the batch size."""
    fix = "correct {}s in the model's manifest, in the order of the file".format(side)
    if len(declared) != len(actual):
        raise InputError(
            "the model has {} {}(s), the manifest names {}".format(
                len(actual), side, len(declared)
            ),
            fix,
        )
    for info, found in zip(declared, actual):
        sizes, dtype = tuple(found.sizes()), _DTYPES.get(int(found.dtype()), "unknown")
        if dtype != info.dtype or sizes[1:] != info.shape:
            raise InputError(
                "{} '{}' is {} {} in the model, {} {} in the manifest".format(
                    side, info.name, dtype, list(sizes), info.dtype, ["batch", *info.shape]
                ),
                fix,
            )
    return int(actual[0].sizes()[0]) if actual else 0


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
