import json
import os

import pytest

from loadscope.errors import WorkError
from loadscope.rundir.detail_log import read_detail_log


def write(path, value, age_seconds):
    entry = {"key": "result_samples_per_second", "value": value, "metadata": {"is_error": False}}
    path.write_text(f":::MLLOG {json.dumps(entry)}\n")
    then = path.stat().st_mtime - age_seconds
    os.utime(path, (then, then))


@pytest.mark.parametrize("age_seconds", [0, 60])
def test_a_log_that_has_changed_is_read_again(tmp_path, age_seconds):
    path = tmp_path / "mlperf_log_detail.txt"
    for value in (101, 102, 103):
        write(path, value, age_seconds)
        assert read_detail_log(path).number("result_samples_per_second") == value
        assert read_detail_log(path).number("result_samples_per_second") == value
    path.write_text("cut")
    with pytest.raises(WorkError, match="line 1"):
        read_detail_log(path)
    path.unlink()
    with pytest.raises(WorkError, match="No such file"):
        read_detail_log(path)
