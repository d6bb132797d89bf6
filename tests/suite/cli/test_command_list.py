import subprocess
import sys
from pathlib import Path

import click
import pytest

from loadscope.suite.cli import main

HEAVY = {"numpy", "mlperf_loadgen", "pydantic", "rich"}


@pytest.mark.parametrize("asked", ["--version", "--help", "nonsense"])
def test_the_list_of_commands_imports_none(asked):
    code = (
        "import sys\n"
        "from loadscope.suite.cli.main import main\n"
        f"sys.argv[1:] = [{asked!r}]\n"
        "try: main()\n"
        f"finally: print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_list_has_every_command():
    modules = Path(main.__file__).parent.glob("*.py")
    defined = {
        path.stem.replace("_", "-")
        for path in modules
        if f"def {path.stem}_command(" in path.read_text()
    }
    assert set(main.COMMANDS) == defined
    context = click.Context(main.cli)
    for name in main.COMMANDS:
        command = main.cli.get_command(context, name)
        assert command is not None and command.name == name
    assert main.cli.get_command(context, "nonsense") is None


def test_the_help_of_the_commands_that_run_models_imports_no_framework():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from loadscope.suite.cli.main import cli\n"
        "for name in ('run', 'trace', 'tune', 'plan'):\n"
        "    assert CliRunner().invoke(cli, [name, '--help']).exit_code == 0\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "loadscope.suite.run.runner" in imported
    assert not {"mlperf_loadgen", "torch", "onnxruntime", "tensorflow", "mxnet"} & imported
