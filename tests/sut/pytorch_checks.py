"""Tests that import PyTorch; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import resource
import statistics
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.sut.small_network import LITE, batch, with_options
from torch import nn

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.pytorch.backend import PyTorchBackend, _device
from loadscope.sut.pytorch.compile import CompiledModel
from loadscope.sut.pytorch.info import INFO
from loadscope.tools.build.seeded import write_seeded

# What is tested directly need not fight over the cores; backends set their own number.
torch.set_num_threads(1)


@pytest.fixture
def backend():
    opened = PyTorchBackend()
    yield opened
    opened.close()


def test_activations_are_not_faulted_in_again_for_each_batch(backend, small, tmp_path):
    path = tmp_path / "large.pth"
    write_seeded(LITE, 10, 224, 1, path)
    inputs = (TensorInfo("images", "float32", (3, 224, 224)),)
    backend.load(dataclasses.replace(small, path=path, inputs=inputs), threads=1)
    images = {"images": np.zeros((4, 3, 224, 224), np.float32)}

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        backend.predict(images)
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    # Workers are threads of their own, for which glibc would open an arena each.
    with ThreadPoolExecutor(1) as pool:
        found = [pool.submit(faults).result() for _ in range(7)]
    # The largest activation alone has 4,704 pages. The heap may grow by one in some batch, when
    # what is free lies in pieces; in most it must not grow.
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


def test_compiled_the_network_answers_the_same_for_batches_of_any_size(small, backend):
    plain = PyTorchBackend()
    plain.load(small, threads=1)
    backend.load(with_options(small, compile=True, fold_batch_norm=True), threads=1)
    for count in (3, 2, 3):
        expected = plain.predict(batch(count))["logits"]
        found = backend.predict(batch(count))["logits"]
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


def test_a_device_that_is_not_here_is_refused_by_name():
    artifact = Artifact(Path(), "state-dict", (), (), options={"device": "nnpa"})
    with pytest.raises(InputError, match="torch_nnpa"):
        _device(artifact)
