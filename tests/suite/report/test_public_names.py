from types import ModuleType

import pytest

from loadscope.suite import report
from loadscope.suite.report import figures
from loadscope.suite.report import trace as trace_report
from loadscope.suite.report import trace_compare as compare
from loadscope.suite.report.trace import figures as trace_figures
from loadscope.suite.trace import export


@pytest.mark.parametrize("package", [report, figures, compare, export, trace_report, trace_figures])
def test_all_lists_what_the_package_exports(package: ModuleType) -> None:
    found = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert found == set(package.__all__)
