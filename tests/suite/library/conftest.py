from tests.suite.report.conftest import make_run

__all__ = ["make_run"]
