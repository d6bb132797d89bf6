"""Tests of programs that PyTorch saves; ``test_frameworks.py`` runs them beside its others."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from tests.sut.small_network import LITE, batch, with_options
from torch import nn

from loadscope.errors import InputError
from loadscope.shapes import Sizes
from loadscope.sut.architectures.state_dict import load_network
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.pytorch import signature
from loadscope.sut.pytorch.backend import PyTorchBackend
from loadscope.sut.pytorch.formats import load_torchscript

# What is tested directly need not fight over the cores; backends set their own number.
torch.set_num_threads(1)


@pytest.fixture
def backend():
    opened = PyTorchBackend()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def programs(small, tmp_path_factory) -> dict[str, Artifact]:
    """The small network as PyTorch itself saves programs."""
    folder = tmp_path_factory.mktemp("programs")
    network = load_network(LITE, 10, 32, small.path)
    example = torch.rand(2, 3, 32, 32)
    with warnings.catch_warnings():
        # Tracing is deprecated, and its files are in use.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, example).save(folder / "small.pt")
    free = ({0: torch.export.Dim("batch")},)
    torch.export.save(
        torch.export.export(network, (example,), dynamic_shapes=free), folder / "small.pt2"
    )
    return {
        "torchscript": dataclasses.replace(
            small, path=folder / "small.pt", format="torchscript", architecture=""
        ),
        "exported-program": dataclasses.replace(
            small, path=folder / "small.pt2", format="exported-program", architecture=""
        ),
    }


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("torchscript", {}),
        ("torchscript", {"freeze": True}),
        ("torchscript", {"freeze": True, "channels_last": True}),
        ("exported-program", {}),
    ],
)
def test_a_saved_program_answers_as_the_network(small, programs, backend, format, options):
    plain = PyTorchBackend()
    plain.load(small, threads=1)
    backend.load(with_options(programs[format], **options), threads=1)
    for count in (1, 3):
        expected = plain.predict(batch(count))["logits"]
        found = backend.predict(batch(count))["logits"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("format", ["torchscript", "exported-program"])
def test_threads_device_and_numbers_in_force_are_told(programs, backend, format):
    backend.load(programs[format], threads=1)
    expected = {"threads": 1, "fixed_batch": None, "device": "cpu", "dtype": "float32"}
    assert backend.effective().settings == expected


def test_an_exported_program_shows_the_layers_of_its_network(small, programs, backend):
    backend.load(programs["exported-program"], threads=1)
    tracer = backend.tracer(with_layers=True)
    answers = tracer.predict(batch(2))
    np.testing.assert_allclose(answers["logits"], backend.predict(batch(2))["logits"], rtol=1e-5)
    (call,) = tracer.finish()
    plain = PyTorchBackend()
    plain.load(small, threads=1)
    own = plain.tracer(with_layers=True)
    own.predict(batch(2))
    (expected,) = own.finish()
    for kind in ("Conv", "Gemm"):
        found, wanted = (
            [(one.output_shapes, one.flops) for one in trace.layers if one.type == kind]
            for trace in (call, expected)
        )
        assert wanted and found == wanted
    assert all(one.duration_ns >= 0 and "." not in one.type for one in call.layers)


def test_the_layers_of_a_program_with_named_outputs_are_of_what_is_declared(program, backend):
    backend.load(program(Named(), "exported-program"), threads=1)
    tracer = backend.tracer(with_layers=True)
    assert list(tracer.predict(batch(2))) == ["logits"]
    (call,) = tracer.finish()
    assert {one.type for one in call.layers} >= {"ReduceSum", "ReduceMean", "Mul"}


def test_torchscript_shows_no_layers(programs, backend):
    backend.load(programs["torchscript"], threads=1)
    with pytest.raises(InputError, match="PyTorch shows no layers of torchscript"):
        backend.tracer(with_layers=True)


class Named(nn.Module):
    """Gives more than is declared, by name."""

    def forward(self, images):
        return {"sum": images.sum(), "logits": images.mean((2, 3)), "twice": 2 * images}


class InOrder(nn.Module):
    """Gives more than is declared, the declared one first."""

    def forward(self, images):
        return images.mean((2, 3)), images.sum(), 2 * images


@pytest.fixture
def program(small, tmp_path):
    """Save a module that takes three images or, exported, any number."""

    def save(module, format):
        path, example = tmp_path / "program", torch.rand(3, 3, 32, 32)
        if format == "torchscript":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                torch.jit.trace(module, example, strict=False).save(path)
        else:
            free = ({0: torch.export.Dim("batch")},)
            torch.export.save(torch.export.export(module, (example,), dynamic_shapes=free), path)
        outputs = (TensorInfo("logits", "float32", (3,)),)
        return dataclasses.replace(
            small, path=path, format=format, architecture="", outputs=outputs
        )

    return save


@pytest.mark.parametrize("format", ["torchscript", "exported-program"])
@pytest.mark.parametrize("module", [Named(), InOrder()])
def test_further_outputs_are_left_alone(program, backend, module, format):
    backend.load(program(module, format), threads=1)
    for count in (1, 2):
        answers = backend.predict(batch(count))
        assert list(answers) == ["logits"]
        wanted = batch(count)["images"].mean((2, 3))
        np.testing.assert_allclose(answers["logits"], wanted, rtol=1e-4, atol=1e-5)


def test_outputs_that_a_program_does_not_give_are_named(program, backend):
    described = program(Named(), "torchscript")
    wrong = (TensorInfo("logit", "float32", (3,)),)
    backend.load(dataclasses.replace(described, outputs=wrong), threads=1)
    with pytest.raises(InputError, match="the model has no output 'logit'") as caught:
        backend.predict(batch(1))
    assert caught.value.fix == "did you mean 'logits'? it has: sum, logits, twice"
    described = program(InOrder(), "torchscript")
    four = tuple(TensorInfo(name, "float32", (3,)) for name in "abcd")
    backend.load(dataclasses.replace(described, outputs=four), threads=1)
    with pytest.raises(InputError, match=r"has 3 output\(s\), the manifest names 4"):
        backend.predict(batch(1))


@pytest.mark.parametrize("format", ["torchscript", "exported-program"])
@pytest.mark.parametrize("content", [b"", b"no program", b"PK\x03\x04"])
def test_a_file_that_is_no_program_is_refused(programs, backend, tmp_path, format, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"cannot load {path} as {format}"):
        backend.load(dataclasses.replace(programs[format], path=path), threads=1)


@pytest.mark.parametrize("format", ["torchscript", "exported-program"])
def test_a_program_with_another_number_of_inputs_is_refused(programs, backend, format):
    two = tuple(TensorInfo(name, "float32", (3, 32, 32)) for name in ("left", "right"))
    with pytest.raises(InputError, match=r"has 1 input\(s\), the manifest names 2"):
        backend.load(dataclasses.replace(programs[format], inputs=two), threads=1)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("torchscript", {"fold_batch_norm": True}),
        ("torchscript", {"onednn_linear": True}),
        ("exported-program", {"channels_last": True}),
        ("exported-program", {"freeze": True}),
        ("torchscript", {"compile": True}),
        ("exported-program", {"dtype": "bfloat16"}),
    ],
)
def test_an_option_that_a_program_has_settled_is_refused(programs, backend, format, options):
    with pytest.raises(InputError, match=f"has no meaning for the format {format}") as caught:
        backend.load(with_options(programs[format], **options), threads=1)
    assert "give a file of the format" in caught.value.fix


@pytest.mark.parametrize("format", ["torchscript", "exported-program"])
def test_the_tensors_of_a_program_are_those_that_the_backend_takes(programs, backend, format):
    path, given = programs[format].path, {}
    if format == "torchscript":
        with pytest.raises(InputError, match="does not say the sizes of its input"):
            signature.read(format, path, {})
        program = load_torchscript(programs[format])
        (name,) = (one.name for one in program.forward.schema.arguments[1:])
        given = {name: Sizes((1, 3, 32, 32), "")}
    found = signature.read(format, path, given)
    (image,), (scores,) = found.inputs, found.outputs
    assert (image.dtype, image.shape) == ("float32", (None, 3, 32, 32))
    assert (scores.dtype, scores.shape) == ("float32", (None, 10))
    inputs = (TensorInfo(image.name, image.dtype, (3, 32, 32)),)
    outputs = (TensorInfo(scores.name, scores.dtype, (10,)),)
    backend.load(dataclasses.replace(programs[format], inputs=inputs, outputs=outputs), 1)
    assert backend.predict({image.name: batch(1)["images"]})[scores.name].shape == (1, 10)


def test_weights_alone_do_not_say_the_network(small):
    with pytest.raises(InputError, match="weights alone"):
        signature.read("torchscript", small.path, {})
