from types import ModuleType

import pytest

from loadscope.suite import report
from loadscope.suite.report import figures


@pytest.mark.parametrize("package", [report, figures])
def test_all_lists_what_the_package_exports(package: ModuleType) -> None:
    found = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert found == set(package.__all__)
