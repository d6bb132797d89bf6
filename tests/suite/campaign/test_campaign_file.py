"""Campaign files that are wrong, and files that were changed after the start."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.submission.package.conftest import SYSTEM

from loadscope.errors import InputError, WorkError
from loadscope.suite.campaign.admission import misfits
from loadscope.suite.campaign.beforehand import checked_plan
from loadscope.suite.campaign.campaign_file import read_campaign_file
from loadscope.suite.campaign.dispatcher import RequestDispatcher
from loadscope.suite.campaign.host_folder import HostFolder, require_space
from loadscope.suite.campaign.inputs import keep_part, placed_settings, read_input
from loadscope.suite.campaign.job import HostFacts, Job, job_environment
from loadscope.suite.campaign.opened import begin, opened
from loadscope.suite.campaign.planned import Planned, plan_campaign

FACTS = {
    "name": "here", "machine": "x86_64", "loadscope": "0.1.0", "loadgen": "6.0.17",
    "python": "3.11.7", "clock": 1000.0, "free_bytes": 1 << 40,
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loadscope": "0.0.9"}, "LoadScope: expected 0.1.0, got 0.0.9"),
        ({"loadgen": "5.0"}, "LoadGen: expected 6.0.17, got 5.0"),
        ({"python": "3.12.1"}, "Python: expected 3.11, got 3.12.1"),
        ({"machine": "s390x"}, "machine: expected x86_64, got s390x"),
        ({"clock": 1300.0}, "clock: 300 s ahead of the coordinator's"),
        ({"name": "other"}, "the worker says that it is 'other'"),
    ],
)
def test_a_host_that_does_not_fit_is_named_with_both_values(campaign_file, change, said):
    target = {"python": "3.11", "machine": "x86_64"}
    file = read_campaign_file(campaign_file(target=target))
    assert misfits(HostFacts.model_validate(FACTS), "here", file, "0.1.0", 1000.0) == []
    changed = HostFacts.model_validate({**FACTS, **change})
    (found,) = misfits(changed, "here", file, "0.1.0", 1000.0)
    assert found.startswith(said)


def test_a_host_without_space_takes_no_job():
    with pytest.raises(Exception, match=r"the host 'n1' has no space for a run: .* got 3 MiB"):
        require_space("n1", 3 << 20)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"hosts": ["a", "a"]}, "'a' comes twice"),
        ({"hosts": []}, "hosts"),
        ({"hosts": ["../a"]}, "hosts"),
        ({"target": {"send": ["nonsense"]}}, "'nonsense' is no setting of a run"),
        ({"nonsense": 1}, "unknown key 'nonsense'"),
        ({"target": {"environment": {"A=B": "x"}}}, "'A=B' is no variable that a process can have"),
        ({"target": {"environment": {"A": "x\0y"}}}, "'A' is no variable"),
        ({"target": {"environment": {"": "x"}}}, "'' is no variable"),
    ],
)
def test_a_wrong_file_is_told_by_line_and_key(campaign_file, more, said):
    with pytest.raises(InputError, match=r"autumn\.yaml line \d+: ") as caught:
        read_campaign_file(campaign_file(**more))
    assert said in caught.value.message


def test_a_target_twice_is_refused(campaign_file):
    path = campaign_file()
    target = read_campaign_file(path).targets[0].model_dump(mode="json")
    path.write_text(f"name: autumn\n\ntargets: {json.dumps([target, target])}\n")
    with pytest.raises(InputError, match="line 3: targets: 'box' comes twice"):
        read_campaign_file(path)


def test_a_campaign_that_is_carried_out_takes_no_additions(campaign_file, tmp_path):
    folder = tmp_path / "autumn"
    begin(campaign_file(), folder)
    before = (folder / "plan.json").read_bytes(), (folder / "campaign.yaml").read_bytes()
    more = campaign_file(scenarios=["SingleStream", "Offline"])
    with opened(folder), pytest.raises(InputError, match="another process carries this"):
        begin(more, folder)
    assert before == ((folder / "plan.json").read_bytes(), (folder / "campaign.yaml").read_bytes())
    assert begin(more, folder) == 1


def test_what_no_figure_depends_on_may_change(campaign_file, tmp_path):
    folder = tmp_path / "autumn"
    begin(campaign_file(), folder)
    before = Planned.read(folder)
    changed = campaign_file(tries=5, reassign_hours=1.0, target={"python": "3", "machine": "any"})
    assert begin(changed, folder) == 0
    assert Planned.read(folder) == before
    assert read_campaign_file(folder / "campaign.yaml").tries == 5


def test_two_targets_in_one_folder_are_refused(campaign_file):
    path = campaign_file(hosts=["n1", "n2"])
    target = read_campaign_file(path).targets[0].model_dump(mode="json")
    other = {**target, "name": "box-n1", "hosts": ["n1"]}
    path.write_text(f"name: autumn\n\ntargets: {json.dumps([target, other])}\n")
    said = "line 3: targets: 'box' and 'box-n1' both have a folder 'box-n1'"
    with pytest.raises(InputError, match=said):
        read_campaign_file(path)
    path.write_text(f"name: autumn\ntargets: {json.dumps([{**target, 'each': False}, other])}\n")
    assert read_campaign_file(path).hosts == ("n1", "n2")


def test_what_no_test_has_is_not_sent(campaign_file):
    assert plan_campaign(read_campaign_file(campaign_file(target={"send": ["models"]}))).runs
    for name in ("min_duration", "datasets", "user_conf"):
        file = read_campaign_file(campaign_file(target={"send": ["models", name]}))
        said = f"box: send: no test has a file or folder as its setting '{name}'"
        with pytest.raises(InputError, match=said):
            plan_campaign(file)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"target": {"submission": {"submitter": "A B", "system": "box.json"}}},
            r"box: submission: submitter: 'A B' cannot be a folder",
        ),
        (
            {"target": {"submission": {"submitter": "Acme", "system": "none.json"}}},
            r"box: submission: none\.json",
        ),
        ({"target": {"golden": {"files": ["none.npz"]}}}, r"none\.npz"),
        ({"dispatcher_settings": {"folders": "x"}}, "dispatcher_settings: .*folders"),
        ({"settings": {"nonsense": 1}}, r"box: tiny-script\.yaml: unknown key 'nonsense'"),
        ({"hosts": ["n1", "n2"]}, "this machine alone, but there are 2 hosts"),
        (
            {
                "dispatcher": "dask",
                "dispatcher_settings": {"listen": "tls://a", "ssh": {"heer": {"address": "b"}}},
            },
            "ssh: no target has the host 'heer'",
        ),
    ],
)
def test_what_would_fail_at_the_end_is_told_before_the_start(campaign_file, tmp_path, asked, said):
    path = campaign_file(**asked)
    with pytest.raises(InputError, match=said):
        begin(path, tmp_path / "autumn")
    assert not (tmp_path / "autumn").exists()
    with pytest.raises(InputError, match=said):
        checked_plan(read_campaign_file(path))


def test_a_tree_may_be_of_another_submitter_than_at_the_start(campaign_file, tmp_path):
    Path("box.json").write_text(json.dumps(SYSTEM))
    for name in ("Acme", "Emca"):
        asked = {"submitter": name, "system": "box.json", "division": "open"}
        begin(campaign_file(target={"submission": asked}), tmp_path / "autumn")
    file = read_campaign_file(tmp_path / "autumn/campaign.yaml")
    (wanted,) = (target.submission for target in file.targets)
    assert wanted and wanted.submitter == "Emca"


def test_only_additions_are_taken_after_the_start(campaign_file, tmp_path):
    folder = tmp_path / "autumn"
    assert begin(campaign_file(), folder) == 1
    before = Planned.read(folder)
    assert begin(campaign_file(scenarios=["SingleStream", "Offline"]), folder) == 1
    after = Planned.read(folder)
    assert after.runs[:1] == before.runs
    assert after.campaign == before.campaign
    for change, said in (
        ({"settings": {"min_duration": "400ms"}}, "settings.min_duration: 300.0 → 400.0"),
        ({"scenarios": ["Offline"]}, "box-tiny-null-SingleStream: removed"),
        ({"hosts": ["there"]}, "hosts: here → there"),
        ({"rehearsal": False}, "rehearsal: True → False"),
        ({"target": {"environment": {}}}, 'environment.LOADSCOPE_LAYOUT_SECONDS: "0" → null'),
    ):
        both = {"scenarios": ["SingleStream", "Offline"], **change}
        with pytest.raises(InputError, match="changed since the campaign was started") as caught:
            begin(campaign_file(**both), folder)
        assert said in caught.value.message
    assert Planned.read(folder) == after


@pytest.mark.parametrize(
    "change",
    [{"spec": 7}, {"spec": -1}, {"spec": "0"}, {"group": "../.."}, {"id": "a/b"}, {"hosts": [1]}],
)
def test_a_damaged_plan_is_told(campaign_file, tmp_path, change):
    begin(campaign_file(), tmp_path / "autumn")
    path = tmp_path / "autumn/plan.json"
    told = json.loads(path.read_text())
    told["runs"][0] |= change
    path.write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"autumn/plan\.json: not a plan: "):
        Planned.read(tmp_path / "autumn")


def test_a_file_is_no_campaigns_folder(campaign_file, tmp_path):
    (tmp_path / "autumn").write_text("mine")
    with pytest.raises(InputError, match="autumn is a file, not a folder"):
        begin(campaign_file(), tmp_path / "autumn")
    assert (tmp_path / "autumn").read_text() == "mine"


def test_a_host_refuses_the_job_of_another(tmp_path):
    job = Job(id="a.1", campaign="c", host="n2", settings={})
    with pytest.raises(InputError, match=r"the job a\.1 is for the host 'n2', this one is 'n1'"):
        HostFolder("n1", tmp_path).start(job)


@pytest.mark.parametrize("name", ["../a", "", ".a", "a/b"])
def test_no_request_leads_out_of_the_folder(tmp_path, name):
    host = HostFolder("n1", tmp_path)
    for call in ("state", "cancel", "files"):
        told = json.loads(host.answer(json.dumps({"call": call, "campaign": "c", "job": name})))
        assert told["error"]["bad_input"]
    asked = {"call": "part", "campaign": "c", "job": "a.1", "name": "../../../x", "offset": 0}
    assert json.loads(host.answer(json.dumps(asked)))["error"]["bad_input"]


@pytest.mark.parametrize("name", ["../../../mine", "/mine", "a/../../mine"])
def test_no_answer_of_a_host_leads_out_of_the_folder(tmp_path, name):
    class Foreign(RequestDispatcher):
        def hosts(self):
            return ("n1",)

        def carry(self, host, request):
            asked = json.loads(request)["call"]
            value = {name: [4, "0" * 64]} if asked == "files" else "bWluZQ=="
            return json.dumps({"value": value})

    to = tmp_path / "autumn/jobs/a.1"
    to.parent.mkdir(parents=True)
    with pytest.raises(WorkError, match=r"n1: a\.1: expected a path below a folder"):
        Foreign().fetch("n1", "c", "a.1", to)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_sent_arrives_by_its_digest(tmp_path):
    source, root = tmp_path / "data", tmp_path / "host"
    (source / "val").mkdir(parents=True)
    (source / "val/one.bin").write_bytes(b"one")
    (source / "empty.txt").write_bytes(b"")
    given, files = read_input("dataset_path", None, source)
    job = Job(
        id="a.1", campaign="c", host="n1", inputs=(given,),
        settings={"dataset_path": f"imagenet={source}"},
    )  # fmt: skip
    with pytest.raises(InputError, match="has not been sent"):
        placed_settings(job, root)
    digest = next(iter(files))
    with pytest.raises(Exception, match="a file came damaged"):
        keep_part(root, digest, 0, b"two!", True)
    for sha256, path in files.items():
        keep_part(root, sha256, 0, path.read_bytes(), True)
    name, _, placed = placed_settings(job, root)["dataset_path"].partition("=")
    assert name == "imagenet"
    assert (root / "placed").resolve() in (tmp_path / placed).resolve().parents
    assert (tmp_path / placed / "val/one.bin").read_bytes() == b"one"
    assert (tmp_path / placed / "empty.txt").read_bytes() == b""
    assert placed_settings(job, root) == placed_settings(job, root)


def test_a_model_takes_along_what_its_framework_loads_beside_it(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    weights = onnx.numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    one = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [4, 4])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4, 4])
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [one], [other], [weights]))
    path = folder / "own.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (folder / "own-notes.txt").write_text("not loaded")
    given, files = read_input("model", None, path, "onnxruntime")
    assert [file.name for file in given.files] == ["own.onnx", "weights.bin"]
    assert given.entry == "own.onnx"
    for sha256, source in files.items():
        keep_part(tmp_path / "host", sha256, 0, source.read_bytes(), True)
    job = Job(id="a.1", campaign="c", host="n1", inputs=(given,), settings={"model": str(path)})
    placed = Path(placed_settings(job, tmp_path / "host")["model"])
    assert placed.name == "own.onnx"
    assert placed.with_name("weights.bin").read_bytes() == (folder / "weights.bin").read_bytes()
    # A symbol's parameters have another name than the symbol's file.
    for name in ("net-symbol.json", "net-0000.params"):
        (folder / name).write_text("{}")
    given, _ = read_input("model", None, folder / "net-symbol.json", "mxnet")
    assert [file.name for file in given.files] == ["net-symbol.json", "net-0000.params"]
    # What no framework knows goes alone.
    given, _ = read_input("model", None, folder / "own-notes.txt", "onnxruntime")
    assert [file.name for file in given.files] == ["own-notes.txt"]


def test_a_jobs_environment_is_listed():
    here = {
        "PATH": "/bin", "HOME": "/root", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1",
        "MALLOC_TRIM_THRESHOLD_": "1", "LS_COLORS": "x",
    }  # fmt: skip
    job = Job(id="a.1", campaign="c", host="n1", settings={}, environment={"OMP_NUM_THREADS": "4"})
    assert job_environment(job, here) == {"PATH": "/bin", "HOME": "/root", "OMP_NUM_THREADS": "4"}
    assert not re.search(
        "THREAD|HASHSEED|TRIM",
        " ".join(job_environment(job.model_copy(update={"environment": {}}), here)),
    )
