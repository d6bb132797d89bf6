"""Makes model artifacts in a process of its own: ``python -m loadscope.tools.build --help``."""
