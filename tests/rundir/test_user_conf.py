import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.user_conf import KEYS, Setting, UserConf


def read(tmp_path, text):
    path = tmp_path / "user.conf"
    path.write_text(text, encoding="utf-8")
    return UserConf.read(path, ["resnet50"])


def test_reads_settings_comments_and_blank_lines(tmp_path):
    conf = read(tmp_path, "# mine\n\n*.Offline.target_qps = 12.5  # measured\n")
    assert conf.settings == (Setting("*", "Offline", "target_qps", 12.5),)


@pytest.mark.parametrize(
    ("winner", "text"),
    [
        (1, "resnet50.Server.min_duration = 1\n*.Server.min_duration = 2\n"),
        (2, "*.Server.min_duration = 2\nresnet50.*.min_duration = 3\n"),
        (3, "resnet50.*.min_duration = 3\n*.*.min_duration = 4\n"),
        (4, "*.*.min_duration = 4\n*.Offline.min_duration = 5\n"),
    ],
)
def test_precedence_is_loadgens(tmp_path, winner, text):
    assert read(tmp_path, text).get("resnet50", Scenario.SERVER, "min_duration") == winner


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("*.Offline.target_qsp = 5", "unknown key 'target_qsp'"),
        ("resnet.Offline.target_qps = 5", "'resnet' is not the LoadGen key"),
        ("*.offline.target_qps = 5", "unknown scenario 'offline'"),
        ("*.*.qsl_rng_seed = 1", "qsl_rng_seed cannot be set here"),
        ("*.*.mode = 2", "mode cannot be set here"),
        ("*.*.performance_issue_same = 1", "only a compliance test"),
        ("target_qps = 5", "is not 'model.scenario.key = value'"),
        ("*.Offline.target_qps", "is not 'model.scenario.key = value'"),
        ("*.Offline.target_qps = fast", "is not a number"),
        ("*.Offline.target_qps = nan", "is out of range"),
        ("*.Offline.min_query_count = -1", "is out of range"),
        ("*.Offline.min_query_count = 1.5", "is not a whole number"),
    ],
)
def test_what_loadgen_would_ignore_or_misread_is_an_error(tmp_path, line, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read(tmp_path, f"# first line\n{line}\n")
    assert "user.conf:2" in caught.value.message
    assert caught.value.fix


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.conf: No such file"):
        UserConf.read(tmp_path / "nowhere.conf", [])


def test_set_values_win_over_every_other_line(tmp_path):
    conf = read(tmp_path, "resnet50.Offline.target_qps = 5\n*.*.min_duration = 10\n")
    changed = conf.having("resnet50", Scenario.OFFLINE, {"target_qps": 7, "min_duration": 20})
    assert changed.get("resnet50", Scenario.OFFLINE, "target_qps") == 7
    assert changed.get("resnet50", Scenario.OFFLINE, "min_duration") == 20
    assert changed.get("resnet50", Scenario.SERVER, "min_duration") == 10


@given(
    st.lists(
        st.builds(
            Setting,
            st.sampled_from(["*", "resnet50"]),
            st.sampled_from(["*", *Scenario]),
            st.sampled_from(sorted(KEYS)),
            st.integers(0, 10**12),
        )
    )
)
def test_what_is_written_is_read_back(tmp_path_factory, settings):
    conf = UserConf(tuple(settings))
    assert read(tmp_path_factory.mktemp("conf"), conf.text()) == conf


@given(st.floats(1e-6, 1e9))
def test_numbers_are_written_without_exponent(value):
    line = Setting("*", "Server", "target_qps", value).line()
    assert re.fullmatch(r"\*\.Server\.target_qps = \d+(\.\d+)?", line)
    assert float(line.split(" = ")[1]) == pytest.approx(value, abs=1e-9)
