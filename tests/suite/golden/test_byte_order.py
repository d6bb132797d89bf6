"""Every kind of file that the suite writes, as this host writes it and as one of the other
byte order would have: the first is little-endian with a stamp, the second is refused."""

import json
import sys
import zlib

import numpy as np
import pytest

from loadscope.datasets.cache import sample_cache
from loadscope.datasets.cache.sample_cache import DamagedCacheError, SampleCache, key_of
from loadscope.datasets.classes.classification import ArgmaxSpec
from loadscope.datasets.classes.classification import postprocess as classes
from loadscope.datasets.texts import token_cache
from loadscope.datasets.texts.token_cache import TokenCache
from loadscope.errors import InputError, WorkError
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.rowfile import BATCHES, LATENCIES
from loadscope.scenarios.inference_pipeline import complete
from loadscope.scenarios.recorder import Recorder
from loadscope.suite.golden.digest import digest
from loadscope.suite.golden.file import read_golden, write_golden
from loadscope.suite.golden.observation import Observation, Sample
from loadscope.suite.report.batches import read_completion
from loadscope.suite.report.latencies import read_latencies

SWAPPED = ">" if sys.byteorder == "little" else "<"
META = {
    "payload": "classes",
    "framework": "null",
    "model": {"id": "m", "sha256": ""},
    "metric": {"name": "top-1", "value": 100.0},
}


def sample_cache_folder(root, order, stamp):
    rows, records = np.array([1, 0], f"{order}u4"), [b"abc", b"def"]
    checks = np.array([zlib.crc32(one) for one in records], f"{order}u4")
    material = sample_cache.key_material({}, (3,), ["x", "y"], 2) | {"byte_order": stamp}
    folder = root / key_of(material)
    folder.mkdir()
    header = sample_cache.header_of(material, rows.tobytes(), checks.tobytes())
    (folder / sample_cache.RECORDS).write_bytes(b"".join(records))
    (folder / sample_cache.ROWS).write_bytes(rows.tobytes())
    (folder / sample_cache.CHECKSUMS).write_bytes(checks.tobytes())
    (folder / sample_cache.HEADER).write_text(json.dumps(header))
    return folder


def token_cache_folder(root, order, stamp):
    tokens, lengths = np.array([5, 6, 7], f"{order}i4"), np.array([3, 1], f"{order}u2")
    contents = {token_cache.TOKENS: tokens.tobytes(), token_cache.LENGTHS: lengths.tobytes()}
    material = {"format": token_cache.FORMAT, "byte_order": stamp, "count": 1}
    folder = root / key_of(material)
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    checks = {name: zlib.crc32(content) for name, content in contents.items()}
    (folder / sample_cache.HEADER).write_text(json.dumps({**material, "checks": checks}))
    return folder


def test_a_little_endian_sample_cache_is_read_into_native_order(tmp_path):
    cache = SampleCache.open(sample_cache_folder(tmp_path, "<", "little"))
    assert cache.rows.tolist() == [1, 0]
    assert cache.checksums.tolist() == [zlib.crc32(b"abc"), zlib.crc32(b"def")]
    assert cache.rows.dtype.isnative and cache.checksums.dtype.isnative


def test_a_big_endian_sample_cache_is_refused(tmp_path):
    with pytest.raises(DamagedCacheError, match="big-endian"):
        SampleCache.open(sample_cache_folder(tmp_path, ">", "big"))


def test_a_little_endian_token_cache_is_read_into_native_order(tmp_path):
    cache = TokenCache.open(token_cache_folder(tmp_path, "<", "little"))
    assert cache.tokens.tolist() == [5, 6, 7]
    assert (cache.lengths.tolist(), cache.before.tolist()) == ([3], [1])
    assert cache.tokens.dtype.isnative


def test_a_big_endian_token_cache_is_refused(tmp_path):
    with pytest.raises(DamagedCacheError, match="big-endian"):
        TokenCache.open(token_cache_folder(tmp_path, ">", "big"))


def recorded(folder):
    recorder = Recorder()
    recorder.query(0, 1)
    recorder.batch(0, 4, 2)
    recorder.save(folder)
    return folder


def test_what_the_recorder_writes_is_little_endian_whatever_the_host(tmp_path):
    recorded(tmp_path)
    assert int.from_bytes((tmp_path / "latency.bin").read_bytes(), "little") > 0
    row = (tmp_path / "batches.bin").read_bytes()
    assert [int.from_bytes(row[at : at + 8], "little") for at in (0, 16, 24)] == [0, 4, 2]
    assert read_completion(tmp_path / "batches.bin").samples == 4
    assert read_latencies(tmp_path / "latency.bin").queries == 1


@pytest.mark.parametrize("kind", [LATENCIES, BATCHES])
def test_rows_are_the_same_file_from_a_host_of_either_order(tmp_path, kind):
    rows = np.array([[1 << 40, -2, 3, 4], [5, 6, 7, 8]])[:, : kind.columns]
    for order in ("<", ">"):
        (tmp_path / order).mkdir()
        kind.write(tmp_path / order, rows.astype(f"{order}i8"))
    little, big = (tmp_path / order / kind.name for order in ("<", ">"))
    assert little.read_bytes() == big.read_bytes() == rows.astype("<i8").tobytes()
    found = kind.read(big)
    assert found.tolist() == rows.tolist()
    assert found.dtype == np.int64 and found.dtype.isnative


def test_latencies_of_the_other_order_are_refused(tmp_path):
    # 200 ms has its highest bit set when its bytes are reversed, as every second latency has.
    np.array([200_000_128], ">i8").tofile(tmp_path / "latency.bin")
    with pytest.raises(InputError, match="corrupt"):
        read_latencies(tmp_path / "latency.bin")


def test_batches_of_the_other_order_are_refused(tmp_path):
    np.array([[0, 200_000_128, 4, 0]], ">i8").tofile(tmp_path / "batches.bin")
    with pytest.raises(InputError, match="corrupt"):
        read_completion(tmp_path / "batches.bin")


def test_payloads_are_little_endian_and_others_never_reach_loadgen():
    scores = np.zeros((1, 1000), np.float32)
    scores[0, 258] = 1
    payload = classes(ArgmaxSpec("argmax", "scores"))({"scores": scores}, [0])
    assert np.ascontiguousarray(payload[0]).tobytes() == b"\x00\x00\x81C"
    with pytest.raises(WorkError, match="little-endian"):
        complete([1], [np.array([258], ">f4")])


def test_an_accuracy_log_gives_the_bytes_as_they_were_handed_over(tmp_path):
    log = tmp_path / "mlperf_log_accuracy.json"
    log.write_text(
        '[\n{ "seq_id" : 0, "qsl_idx" : 0, "data" : "00008143", "token_count" : 0 }\n]\n'
    )
    (answer,) = read_accuracy_log(log)
    assert np.frombuffer(answer.payload, "<f4").tolist() == [258]


def observation():
    values = np.array([[1.5, -2.25]], np.float32)
    sample = Sample(
        [digest("image", "float32", values)],
        {"logits": values},
        b"\x00\x00\x81C",
        [digest("conv", "Conv", values)],
    )
    return Observation(META, [sample], [digest("w", "float32", values)])


def test_a_golden_file_is_little_endian_and_read_into_native_order(tmp_path):
    path = tmp_path / "golden.npz"
    write_golden(path, observation())
    with np.load(path) as archive:
        assert json.loads(archive["meta"].tobytes())["byte_order"] == "little"
        assert archive["output/0/logits"].tobytes() == np.array([1.5, -2.25], "<f4").tobytes()
    golden = read_golden(path)
    (sample,) = golden.samples
    assert sample.outputs["logits"].tolist() == [[1.5, -2.25]]
    assert sample.outputs["logits"].dtype.isnative
    assert sample.layers[0].strided.tolist() == [1.5, -2.25]
    assert golden.weights[0].sha256 == sample.layers[0].sha256


def test_a_golden_file_stamped_big_endian_is_refused(tmp_path):
    path = tmp_path / "golden.npz"
    write_golden(path, observation())
    with np.load(path) as archive:
        arrays = dict(archive)
    meta = json.loads(arrays["meta"].tobytes()) | {"byte_order": "big"}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="big-endian"):
        read_golden(path)


def test_arrays_of_the_other_order_in_a_golden_file_are_converted_by_their_own_header(tmp_path):
    path = tmp_path / "golden.npz"
    write_golden(path, observation())
    with np.load(path) as archive:
        arrays = {name: value.astype(value.dtype.newbyteorder(SWAPPED))
                  for name, value in archive.items()}  # fmt: skip
    np.savez(path, **arrays)
    (sample,) = read_golden(path).samples
    assert sample.outputs["logits"].tolist() == [[1.5, -2.25]]
    assert sample.outputs["logits"].dtype.isnative
