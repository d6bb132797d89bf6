"""The ``loadscope`` command: one module a subcommand."""
