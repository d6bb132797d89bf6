from types import SimpleNamespace
from typing import cast

from loadscope.suite.library.carry_out import new_folder
from loadscope.suite.run.resolve import ResolvedRun


def test_the_run_of_a_familys_model_is_in_one_folder(tmp_path):
    spec = SimpleNamespace(model="timm/resnet18", scenario="Offline")
    resolved = cast(ResolvedRun, SimpleNamespace(spec=spec, system="A: b"))
    made = new_folder(tmp_path, resolved)
    assert made.parent == tmp_path
    assert made.name.endswith("-timm-resnet18-A--b-Offline")
