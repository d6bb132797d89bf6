"""``python -m loadscope`` is the ``loadscope`` command."""

from loadscope.suite.cli.main import main

if __name__ == "__main__":
    main()
