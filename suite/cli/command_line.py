"""The command line as run directories record it."""

import shlex
import sys


def recorded_command() -> str:
    """This process's command line, quoted for a shell."""
    return shlex.join(["loadscope", *sys.argv[1:]])
