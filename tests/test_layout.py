import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = {
    "torch",
    "onnxruntime",
    "onnxruntime_genai",
    "openvino",
    "ai_edge_litert",
    "tensorflow",
    "tensorrt",
    "mxnet",
    "MNN",
    "ncnn",
    "jax",
    "tvm",
}
# What each folder may import of the package, beside the ground: what lies in src/loadscope itself.
MAY_IMPORT: dict[str, set[str]] = {
    "ground": set(),
    "sut": set(),
    "datasets": set(),
    "scenarios": {"sut", "datasets"},
    "submission": set(),
    "suite": {"sut", "datasets", "scenarios", "submission"},
    "tools": {"sut", "datasets", "scenarios", "submission", "suite"},
}
# A room of suite/ imports rooms to its left.
ROOMS = (
    "models", "fetch", "run", "worker", "metrics", "tune", "trace", "golden", "report", "results",
    "campaign", "library", "quantize", "bundle", "web", "serve", "cli",
)  # fmt: skip
# The doors: the library's face and the command's start, which import what they open on use.
DOORS = {"loadscope", "loadscope.__main__"}


def modules() -> dict[str, Path]:
    """Every module of the package, by name."""
    found = {}
    for top in ("suite", "scenarios", "sut", "datasets", "submission", "tools"):
        for path in (ROOT / top).rglob("*.py"):
            found[f"loadscope.{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}"] = path
    ground = ROOT / "src" / "loadscope"
    for path in [*ground.glob("*.py"), *(ground / "rundir").rglob("*.py")]:
        found[f"loadscope.{'.'.join(path.relative_to(ground).with_suffix('').parts)}"] = path
    return {name.removesuffix(".__init__"): path for name, path in found.items()}


def imports(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return found & known


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imports(path, set(known)) - {name} for name, path in known.items()}


def top(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "ground"


def test_folders_import_only_what_the_design_allows(graph):
    wrong = [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in others
        if module not in DOORS
        and top(other) not in MAY_IMPORT[top(module)] | {"ground", top(module)}
    ]
    assert not wrong


def test_rooms_of_the_suite_import_to_the_left(graph):
    def room(module: str) -> int:
        return ROOMS.index(module.split(".")[2])

    suite = [name for name in graph if top(name) == "suite" and name != "loadscope.suite"]
    wrong = [
        f"{module} imports {other}"
        for module in suite
        for other in graph[module]
        if other in suite and room(other) > room(module)
    ]
    assert not wrong


def test_no_files_import_each_other_in_a_circle(graph):
    # Kahn: what is left when no module without imports is left is a circle, or leads into one.
    left = {module: set(others) for module, others in graph.items() if module not in DOORS}
    left = {module: others - DOORS for module, others in left.items()}
    while free := [module for module, others in left.items() if not others]:
        left = {module: others - set(free) for module, others in left.items() if others}
    assert not left


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
        name: lines
        for name, path in modules().items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


@pytest.mark.xdist_group("layout")
def test_groups_of_tests_are_kept_together(request):
    # pytest-xdist says nothing where it cannot, and what a group shares is made in each process.
    if request.config.getoption("loadgroup", False):
        grouped = [item for item in request.session.items if item.get_closest_marker("xdist_group")]
        assert all("@" in item.nodeid for item in grouped)
