"""LoadScope: measure a model under MLPerf LoadGen, explain the figure, submit it."""

__version__ = "0.1.0"
