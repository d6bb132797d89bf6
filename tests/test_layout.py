import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = {"torch", "onnxruntime", "openvino", "tensorflow", "mxnet"}
# What each folder may import of the package, beside errors, files, memory and tensors.
MAY_IMPORT = {
    "sut": {"sut"},
    "datasets": {"datasets"},
    "scenarios": {"scenarios", "sut", "datasets"},
    "submission": {"submission", "suite", "scenarios"},
}


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_folders_import_only_what_the_design_allows(folder):
    for path in (ROOT / folder).rglob("*.py"):
        ours = {name.split(".")[1] for name in imports(path) if name.startswith("loadscope.")}
        wrong = ours - MAY_IMPORT[folder] - {"errors", "files", "in_use", "memory", "tensors"}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_the_command_line_imports_no_framework_and_no_extra():
    code = "import sys, loadscope.suite.cli.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert not {*FRAMEWORKS, "tokenizers"} & set(done.stdout.split())


def test_every_linked_folder_is_a_relative_link_to_the_real_one():
    links = {
        path.name: path for path in (ROOT / "src" / "loadscope").iterdir() if path.is_symlink()
    }
    assert set(links) == {
        "suite", "scenarios", "sut", "datasets", "submission", "tools", "models.yaml",
    }  # fmt: skip
    for name, link in links.items():
        assert link.readlink() == Path("..", "..", name)


def test_modules_stay_small():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in (*MAY_IMPORT, "suite", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long
