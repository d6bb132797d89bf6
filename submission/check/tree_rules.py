"""Rules over the tree as a whole, and over a submitter's folder."""

import json
from collections.abc import Iterator

from loadscope.submission.check.files import Entry
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import DIVISIONS, TOLERATED, Submitter, Tree

TREE: RuleSet[Tree] = RuleSet()
SUBMITTER: RuleSet[Submitter] = RuleSet()
_TEXT = (".txt", ".json", ".md", ".conf", ".yaml", ".yml")
_BOM = b"\xef\xbb\xbf"


@TREE.rule(
    "tree.empty",
    "Every folder on the way to a result leads to one: <division>/<submitter>/results/<system>/"
    "<benchmark>/<scenario>.",
    fix="give the folder that holds closed/ or open/, add the results, or remove the folder",
)
def _empty(tree: Tree) -> Iterator[Problem]:
    submitters = list(tree.submitters)
    if not submitters:
        yield Problem("", "no result", "at least one")
    for submitter in submitters:
        systems = list(submitter.systems)
        if not systems:
            yield Problem(f"{submitter.path}/results", "no system", "at least one")
        for system in systems:
            benchmarks = list(system.benchmarks)
            if not benchmarks:
                yield Problem(system.path, "no benchmark", "at least one")
            for benchmark in benchmarks:
                if not any(benchmark.results):
                    yield Problem(benchmark.path, "no scenario", "at least one")


@TREE.rule(
    "tree.division",
    "Folders at the top of the tree are closed and open, in lower case.",
    fix="rename it, or move it out of the tree",
)
def _divisions(tree: Tree) -> Iterator[Problem]:
    for name in tree.files.folders(""):
        if name not in (*DIVISIONS, "network") and not name.startswith("."):
            yield Problem(name, f"folder '{show(name)}'", "closed or open")


@TREE.rule(
    "tree.network-division",
    "The network division is not checked, so a tree with one does not pass.",
    fix="check that division with the round's own checker, in a tree of its own",
)
def _network(tree: Tree) -> Iterator[Problem]:
    if tree.files.is_folder("network"):
        yield Problem("network", "the network division", "closed or open")


@TREE.rule(
    "tree.stray-file",
    "Files lie inside a submitter's folder.",
    fix="move it out of the tree",
    severity="warning",
)
def _stray(tree: Tree) -> Iterator[Problem]:
    for folder in ("", *DIVISIONS):
        for name in tree.files.names(folder):
            yield Problem(f"{folder}/{name}".lstrip("/"), "a file", "only folders here")


def _each(tree: Tree) -> Iterator[Entry]:
    """Every entry, but none of a version control's own folder at the top."""
    for path, entry in tree.files.entries.items():
        if not path.startswith(".git/") and path != ".git":
            yield entry


def _is_read(entry: Entry) -> bool:
    """Whether a checker reads the entry: it lies at the right level of results or systems."""
    return entry.path.split("/")[2:3] in (["results"], ["systems"], ["model_mapping.json"])


@TREE.rule(
    "tree.file-size",
    "No file is larger than the round allows (50 MB).",
    fix="leave it out, or keep it outside the tree and say where it is",
)
def _sizes(tree: Tree) -> Iterator[Problem]:
    most = tree.round.submission.max_file_bytes
    for entry in _each(tree):
        if entry.kind == "file" and entry.size > most:
            yield Problem(entry.path, f"{entry.size:,} bytes", f"at most {most:,}")


@TREE.rule(
    "tree.name",
    "Names are printable ASCII without spaces.",
    fix="rename it with letters, digits, '.', '-' and '_'",
)
def _names(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if not (entry.name.isascii() and entry.name.isprintable()) or " " in entry.name:
            yield Problem(entry.path, f"name '{show(entry.name)}'", "ASCII without spaces")


@TREE.rule(
    "tree.dot-file",
    "No file or folder but .gitkeep and .gitignore is hidden by a leading dot.",
    fix="remove it",
)
def _hidden(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.name.startswith(".") and entry.name not in (*TOLERATED, ".gitignore"):
            yield Problem(entry.path, f"'{show(entry.name)}'", "no hidden files")


@TREE.rule(
    "tree.case",
    "No two names in a folder differ by case alone.",
    fix="rename one; Windows and macOS keep only one of them",
)
def _case(tree: Tree) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for entry in _each(tree):
        other = seen.setdefault(entry.path.lower(), entry.path)
        if other != entry.path:
            yield Problem(entry.path, f"'{show(other)}' too", "names that differ by more than case")


@TREE.rule(
    "tree.link",
    "The tree holds no symbolic links: it must mean the same on another machine.",
    fix="put a copy of the file in the place of the link",
)
def _links(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.link is not None:
            yield Problem(entry.path, f"a link to {show(entry.link)}", "a file or folder")


@TREE.rule(
    "tree.kind",
    "Everything in the tree is a readable file or folder.",
    fix="remove it, or put a plain file in its place",
)
def _kinds(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.kind in ("other", "broken") and entry.link is None:
            found = "unreadable" if entry.kind == "broken" else "a device, pipe or socket"
            yield Problem(entry.path, found, "a readable file or folder")
        if entry.kind == "folder" and entry.name.endswith(_TEXT) and _is_read(entry):
            yield Problem(entry.path, "a folder", "a file")


@TREE.rule(
    "tree.text",
    "Text files of results and systems are UTF-8 without a byte-order mark.",
    fix="save it again as UTF-8 without a byte-order mark",
    official=True,
)
def _text(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.kind != "file" or not entry.name.endswith(_TEXT) or not _is_read(entry):
            continue
        try:
            with (tree.files.root / entry.path).open("rb") as file:
                if file.read(len(_BOM)) == _BOM:
                    yield Problem(entry.path, "a byte-order mark", "UTF-8 without one")
        except OSError as error:
            yield Problem(entry.path, f"unreadable: {error.strerror}", "a readable file")
            continue
        # The logs, which can be long, are read line by line by their own rules.
        if entry.name.startswith("mlperf_log_"):
            continue
        wrong = tree.files.text(entry.path).wrong
        if wrong:
            yield Problem(entry.path, wrong, "UTF-8 text")


@SUBMITTER.rule(
    "submitter.folders",
    "A submitter's folder holds results, systems and the source folder (src).",
    fix="add the folder; loadscope submit makes all three",
    official=True,
)
def _folders(submitter: Submitter) -> Iterator[Problem]:
    for name in ("results", "systems", submitter.tree.round.submission.source_folder):
        if not submitter.tree.files.is_folder(f"{submitter.path}/{name}"):
            yield Problem(f"{submitter.path}/{name}", "no such folder", "a folder")


@SUBMITTER.rule(
    "submitter.source",
    "The source folder has a folder that is not empty for each benchmark.",
    fix="add the source, or a README.md that says where it is",
    severity="warning",
)
def _source(submitter: Submitter) -> Iterator[Problem]:
    source = f"{submitter.path}/{submitter.tree.round.submission.source_folder}"
    if not submitter.tree.files.is_folder(source):
        return
    for name in sorted({one.folder for system in submitter.systems for one in system.benchmarks}):
        path = f"{source}/{name}"
        if not (submitter.tree.files.names(path) or submitter.tree.files.folders(path)):
            yield Problem(path, "nothing", "the benchmark's source")


@SUBMITTER.rule(
    "submitter.calibration",
    "documentation/calibration.md tells how weights were quantised, or that they were not.",
    fix="write the file",
    severity="warning",
)
def _calibration(submitter: Submitter) -> Iterator[Problem]:
    path = f"{submitter.path}/documentation/calibration.md"
    entry = submitter.tree.files.file(path)
    if submitter.division == "closed" and (entry is None or not entry.size):
        yield Problem(path, "no file" if entry is None else "empty", "a description")


@SUBMITTER.rule(
    "submitter.results",
    "Every system described in systems/ has results.",
    fix="add its results, or remove the description",
)
def _described(submitter: Submitter) -> Iterator[Problem]:
    with_results = {system.name for system in submitter.systems}
    for name in submitter.tree.files.names(f"{submitter.path}/systems"):
        if name.endswith(".json") and name.removesuffix(".json") not in with_results:
            yield Problem(f"{submitter.path}/systems/{name}", "no results of it", "results")


@SUBMITTER.rule(
    "submitter.model-mapping",
    "model_mapping.json of the open division maps names of models to the round's benchmarks.",
    fix='write for example {"my-model": "resnet"}',
    official=True,
)
def _mapping(submitter: Submitter) -> Iterator[Problem]:
    path = f"{submitter.path}/model_mapping.json"
    mapping, wrong = submitter.mapping
    if wrong:
        yield Problem(path, wrong, "a JSON object")
    known = submitter.tree.round.folders()
    for name, target in mapping.items():
        if target not in known:
            given = show(target) if isinstance(target, str) else json.dumps(target)
            yield Problem(path, f"{show(name)} is mapped to {given}", f"one of {', '.join(known)}")


@SUBMITTER.rule(
    "submitter.unknown",
    "A submitter's folder holds what the round names and nothing else.",
    fix="move it into documentation/ or out of the tree",
    severity="warning",
)
def _unknown(submitter: Submitter) -> Iterator[Problem]:
    files, path = submitter.tree.files, submitter.path
    known = {"results", "systems", "documentation", "calibration"}
    known |= {submitter.tree.round.submission.source_folder, "model_mapping.json"}
    known |= {"README.md", "LICENSE", "LICENSE.md"}
    for name in (*files.folders(path), *files.names(path)):
        if name not in known:
            yield Problem(f"{path}/{name}", f"'{show(name)}'", "no such entry")
