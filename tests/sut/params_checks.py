"""``.params`` against MXNet itself; ``test_frameworks.py`` runs this in a process of its own."""

import zipfile

import numpy as np
import pytest

from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.tools.byteorder.mxnet_params import read_params, write_params

mx = import_mxnet(1)

TYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


@pytest.fixture
def real(tmp_path, real_artifact):
    with zipfile.ZipFile(real_artifact("efficientnet-lite0", "mxnet").path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".params")]
        return archive.extract(name, tmp_path)


def test_a_real_file_written_again_is_the_same_byte_for_byte(tmp_path, real):
    arrays, order = read_params(tmp_path / "model-0000.params")
    assert (order, len(arrays) > 90) == ("little", True)
    write_params(tmp_path / "big", arrays, "big")
    write_params(tmp_path / "again", read_params(tmp_path / "big")[0], "little")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model-0000.params").read_bytes()
    # What a big-endian host wrote is what MXNet cannot read here without the converter.
    with pytest.raises((mx.MXNetError, ValueError)):
        mx.nd.load(str(tmp_path / "big"))


@pytest.mark.parametrize("dtype", TYPES)
def test_mxnet_reads_what_is_written_here(tmp_path, dtype):
    value = np.arange(6).reshape(2, 3).astype(dtype)
    write_params(tmp_path / "x", {"arg:x": value}, "little")
    found = mx.nd.load(str(tmp_path / "x"))["arg:x"].asnumpy()
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value)
