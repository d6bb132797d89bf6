"""Tests that import PyTorch; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.sut.small_network import LITE, batch, with_options
from torch import nn

from loadscope.device_memory import device_memory_of
from loadscope.errors import DeviceMemoryError, InputError
from loadscope.sut.architectures.state_dict import load_network
from loadscope.sut.backend import TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.pytorch.backend import PyTorchBackend
from loadscope.sut.pytorch.compile import CompiledModel
from loadscope.sut.pytorch.devices import device_fault
from loadscope.sut.pytorch.gpu_tracer import GpuTracer
from loadscope.sut.pytorch.info import INFO
from loadscope.sut.pytorch.lanes import Lanes
from loadscope.sut.pytorch.settings import settle_tf32, tf32_in_force
from loadscope.sut.tracing import CountingTracer, LibraryTracer
from loadscope.tools.build.seeded import write_seeded

# What is tested directly need not fight over the cores; backends set their own number.
torch.set_num_threads(1)


@pytest.fixture
def backend():
    opened = PyTorchBackend()
    yield opened
    opened.close()


def test_activations_are_not_faulted_in_again_for_each_batch(tmp_path):
    path = tmp_path / "large.pth"
    write_seeded(LITE, 10, 224, 1, path)
    command = [sys.executable, Path(__file__).with_name("page_faults_process.py"), path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [int(line) for line in done.stdout.split()]
    # The largest activation alone has 4,704 pages. The heap may grow by one in some batch, when
    # what is free lies in pieces; in most it must not grow.
    assert len(found) == 7
    assert statistics.median(found) < 800


def test_real_weights_recognise_18_of_the_20_photographs(backend, top1_of_sample20):
    assert top1_of_sample20(backend, "pytorch") == 18


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("fold_batch_norm", [False, True])
def test_options_change_the_speed_and_not_the_answer(
    small, backend, channels_last, fold_batch_norm
):
    plain = PyTorchBackend()
    plain.load(small, threads=1)
    options = {"channels_last": channels_last, "fold_batch_norm": fold_batch_norm}
    backend.load(with_options(small, **options), threads=1)
    expected = plain.predict(batch(3))["logits"]
    np.testing.assert_allclose(backend.predict(batch(3))["logits"], expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_changes_the_numbers_a_little_and_the_types_not_at_all(small, backend):
    plain = PyTorchBackend()
    plain.load(small, threads=1)
    expected = plain.predict(batch(4))["logits"]
    backend.load(with_options(small, dtype="bfloat16"), threads=1)
    found = backend.predict(batch(4))["logits"]
    assert found.dtype == np.float32
    off = np.abs(found - expected).max() / np.abs(expected).max()
    # bfloat16 keeps 8 bits of a number.
    assert 1e-5 < off < 0.05


def test_compiled_the_network_answers_the_same_for_batches_of_any_size(tmp_path, small, backend):
    # Of few layers, each of which takes a compiler seconds.
    path = tmp_path / "fashion.pth"
    write_seeded("fashion-cnn", 10, 28, 1, path)
    pictures = TensorInfo("images", "float32", (1, 28, 28))
    network = dataclasses.replace(small, path=path, architecture="fashion-cnn", inputs=(pictures,))
    plain = PyTorchBackend()
    plain.load(network, threads=1)
    backend.load(with_options(network, compile=True, fold_batch_norm=True), threads=1)
    for count in (3, 2, 3):
        grey = {"images": batch(count)["images"][:, :1, :28, :28].copy()}
        expected = plain.predict(grey)["logits"]
        found = backend.predict(grey)["logits"]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_weights_are_frozen_in_whichever_thread_the_network_is_compiled():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()).eval().requires_grad_(False)
    for weight in network.parameters():
        # Of weights by chance, one set in sixteen has all channels below the ReLU.
        weight.fill_(1)
    model = CompiledModel(network, any_length=False)

    def answer():
        with torch.inference_mode():
            return model(torch.ones(1, 3, 8, 8)).numpy()

    with ThreadPoolExecutor(1) as other_thread:
        before = other_thread.submit(answer).result()
        for weight in network.parameters():
            weight.zero_()
        after = other_thread.submit(answer).result()
    assert before.any()
    np.testing.assert_array_equal(before, after)


def test_without_a_compiler_compile_says_what_to_install(small, backend, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="there is no no-such-compiler here") as caught:
        backend.load(with_options(small, compile=True), threads=1)
    assert "apt install g++" in caught.value.fix


def test_an_unknown_option_and_one_of_another_type_are_refused(small, backend):
    with pytest.raises(InputError, match="no option 'chanels_last'") as caught:
        backend.load(with_options(small, chanels_last=True), threads=1)
    assert "did you mean 'channels_last'?" in caught.value.fix
    with pytest.raises(InputError, match="'yes' is not of type bool"):
        backend.load(with_options(small, channels_last="yes"), threads=1)


def test_a_sample_has_the_same_answer_in_every_batch_size(small, backend):
    backend.load(small, threads=1)
    whole = backend.predict(batch(5))["logits"]
    alone = [
        backend.predict({"images": batch(5)["images"][row : row + 1]})["logits"][0]
        for row in range(5)
    ]
    np.testing.assert_allclose(np.stack(alone), whole, rtol=1e-4, atol=1e-5)
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous


def test_a_read_only_batch_is_taken_without_a_warning(small, backend):
    backend.load(small, threads=1)
    inputs = batch(1)
    inputs["images"].flags.writeable = False
    assert backend.predict(inputs)["logits"].shape == (1, 10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: images.astype(">f4"), "'images' is >f4"),
        (lambda images: images.astype(np.float64), "'images' is <f8"),
        (lambda images: images[:, :, ::2], r"\(2, 3, 16, 32\), not C-contiguous"),
        (lambda images: images.transpose(0, 1, 3, 2), "not C-contiguous"),
        (lambda images: images[:, :1].copy(), r"\(2, 1, 32, 32\)"),
        (lambda images: images[0], r"\(3, 32, 32\)"),
    ],
)
def test_an_array_that_cannot_be_shared_is_refused(small, backend, change, said):
    backend.load(small, threads=1)
    with pytest.raises(InputError, match=said):
        backend.predict({"images": change(batch(2)["images"])})


def test_a_missing_input_is_refused(small, backend):
    backend.load(small, threads=1)
    with pytest.raises(InputError, match="no input 'images'"):
        backend.predict({"image": batch(1)["images"]})


def test_threads_at_once_get_what_one_gets(small, backend):
    backend.load(small, threads=1)
    batches = [{"images": batch(24)["images"][row : row + 3]} for row in range(0, 24, 3)]
    expected = [backend.predict(inputs)["logits"] for inputs in batches]
    with ThreadPoolExecutor(4) as pool:
        found = [answer["logits"] for answer in pool.map(backend.predict, batches * 4)]
    for number, logits in enumerate(found):
        np.testing.assert_array_equal(logits, expected[number % len(batches)])


def test_a_calling_thread_has_no_more_threads_than_asked_for(small):
    backend = PyTorchBackend()
    backend.load(small, threads=1)
    tasks = Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    barrier = threading.Barrier(3)

    def call() -> None:
        for _ in range(3):
            backend.predict(batch(8))
        barrier.wait()
        barrier.wait()

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    barrier.wait()
    during = len(list(tasks.iterdir()))
    barrier.wait()
    for caller in callers:
        caller.join()
    assert during == before + 2


def test_threads_device_and_numbers_in_force_are_told(small, backend, monkeypatch):
    expected = {"threads": 1, "fixed_batch": None, "device": "cpu", "dtype": "float32"}
    backend.load(small, threads=1)
    assert backend.effective().settings == expected
    backend.load(with_options(small, dtype="bfloat16"), threads=1)
    assert backend.effective().settings == {**expected, "dtype": "bfloat16"}
    # OpenMP gives no more than its environment allows, whatever is set.
    backend.load(small, threads=2)
    assert backend.effective().settings["threads"] == 2
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    with pytest.raises(InputError, match="PyTorch: threads: expected 2, got 1") as caught:
        require_in_force(INFO, 2, {}, backend.effective())
    assert caught.value.fix.endswith("--threads 1")


def test_after_close_there_is_no_answer(small, backend):
    backend.load(small, threads=1)
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict(batch(1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layout": "NHWC"}, "is not a square NCHW image"),
        ({"inputs": (TensorInfo("images", "float32", (3, 32, 64)),)}, "not a square NCHW image"),
        ({"inputs": (TensorInfo("images", "uint8", (3, 32, 32)),)}, "'images' is uint8"),
        (
            {"outputs": (TensorInfo("logits", "float32", (10, 1)),)},
            "is neither class scores nor rows of",
        ),
        ({"inputs": ()}, "one input and one output"),
    ],
)
def test_declared_tensors_of_another_kind_are_refused(small, backend, changes, said):
    with pytest.raises(InputError, match=said):
        backend.load(dataclasses.replace(small, **changes), threads=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"device": "cuda"}, "finds 0 device"),
        ({"device": "cuda:1"}, "not cuda:1"),
        ({"device": "xpu"}, "finds 0 device"),
        ({"device": "mps"}, "finds 0 device"),
        ({"device": "nnpa"}, "torch_nnpa"),
        ({"tf32": True}, "tf32 has no meaning on the device cpu"),
        ({"cuda_graphs": True}, "cuda_graphs has no meaning on the device cpu"),
    ],
)
def test_a_device_that_is_not_here_is_refused_by_name(small, backend, options, said):
    with pytest.raises(InputError, match=said):
        backend.load(with_options(small, **options), threads=1)


@pytest.mark.skipif(torch.version.cuda is not None, reason="this build has CUDA")
def test_a_build_without_cuda_is_known_from_its_files():
    missing, mend = device_fault("cuda:1") or ("", "")
    assert "built for cpu alone" in missing
    assert "CUDA build" in mend
    assert device_fault("cpu") is None


def test_a_lane_answers_as_the_network_does_and_keeps_its_answers_apart(small):
    network = load_network(LITE, 10, 32, small.path)
    lanes = Lanes(torch.device("cpu"))

    def forward(images):
        return {"logits": network(images), "mean": images.mean()}

    with torch.inference_mode():
        batches = [batch(count)["images"] for count in (2, 5, 3)]
        batches[2] += 1
        found = [lanes.run(forward, [images]) for images in batches]
        for images, each in zip(batches, found, strict=True):
            np.testing.assert_allclose(
                each["logits"], network(torch.from_numpy(images)).numpy(), rtol=1e-5, atol=1e-6
            )
            assert each["mean"] == pytest.approx(images.mean(), abs=1e-6)


def test_lanes_at_once_are_as_many_as_the_calls_and_a_failed_one_is_not_used_again():
    lanes, met = Lanes(torch.device("cpu")), threading.Barrier(2)

    def together(numbers):
        met.wait(timeout=30)
        return {"sum": numbers + 1}

    with ThreadPoolExecutor(2) as pool:
        given = [[np.full(3, at, np.int64)] for at in range(2)]
        found = list(pool.map(lambda one: lanes.run(together, one), given))
    assert [each["sum"].tolist() for each in found] == [[1, 1, 1], [2, 2, 2]]
    kept = list(lanes._free)
    assert len(kept) == 2
    with pytest.raises(ZeroDivisionError):
        lanes.run(lambda _: {"never": torch.ones(1 // 0)}, given[0])
    assert lanes._free == kept[:1]


def test_a_full_device_is_an_error_that_names_half_the_batch(small, backend, monkeypatch):
    backend.load(small, threads=1)

    def full(*_):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        finally:
            # What the end of a graph's capture does.
            raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(backend, "_model", full)
    with pytest.raises(DeviceMemoryError, match="device cpu with a batch of 6") as caught:
        backend.predict(batch(6))
    assert "--batch-size 3" in caught.value.fix
    monkeypatch.setattr(backend, "_model", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backend.predict(batch(6))
    assert device_memory_of(backend) is None


def test_float16_rounds_the_weights_and_gives_float32(small, backend):
    backend.load(small, threads=1)
    expected = backend.predict(batch(2))["logits"]
    backend.load(with_options(small, dtype="float16"), threads=1)
    assert backend.effective().settings["dtype"] == "float16"
    found = backend.predict(batch(2))["logits"]
    assert found.dtype == np.float32
    assert not np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    assert INFO.numerics({"dtype": "float16", "device": "cuda"}, "float32") == "float16"
    assert INFO.numerics({"tf32": True, "device": "cuda"}, "float32") == "tf32"


def test_tf32_is_off_unless_it_is_asked_for():
    gpu = torch.device("cuda", 0)
    settle_tf32({}, gpu)
    assert tf32_in_force() is False
    settle_tf32({"tf32": True}, gpu)
    settle_tf32({}, torch.device("cpu"))
    assert tf32_in_force() is True
    settle_tf32({}, gpu)
    # The same as torch.export reads it.
    assert tf32_in_force() is torch._C._get_cudnn_allow_tf32() is False


class HostEvent:
    """An event as a stream has it, of the host's clock."""

    def __init__(self, enable_timing):
        assert enable_timing
        self.at = 0

    def record(self):
        self.at = time.time_ns()

    def synchronize(self):
        assert self.at

    def elapsed_time(self, later):
        return (later.at - self.at) / 1e6


def test_layers_by_events_are_those_of_the_processor_and_lie_in_their_call(small, backend):
    for dtype in ("float32", "bfloat16"):
        backend.load(with_options(small, dtype=dtype), threads=1)
        api = SimpleNamespace(Event=HostEvent)
        tracer = GpuTracer(backend._module, backend._run, ["images"], api)
        plain = backend.tracer(with_layers=True)
        for one in (tracer, plain):
            one.predict(batch(2))
            one.forget()
            found = one.predict(batch(2))["logits"]
            np.testing.assert_allclose(found, backend.predict(batch(2))["logits"], rtol=1e-4)
        (call,), (expected,) = tracer.finish(), plain.finish()
        shown = [(one.name, one.type, one.output_shapes, one.dtype) for one in call.layers]
        assert shown == [(o.name, o.type, o.output_shapes, o.dtype) for o in expected.layers]
        starts = [one.start_ns for one in call.layers]
        assert starts == sorted(starts)
        # The event that ties the clocks is read a moment after it was recorded.
        last = call.layers[-1]
        assert last.start_ns + last.duration_ns <= call.start_ns + call.duration_ns + 100_000
        assert sum(one.duration_ns for one in call.layers) > 0.5 * call.duration_ns
        assert isinstance(tracer, LibraryTracer)
        assert not isinstance(plain, LibraryTracer)
        assert not isinstance(tracer, CountingTracer)
