"""Rules over the tree as a whole, and over a submitter's folder."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator

from loadscope.submission.check.files import TreeEntry
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import (
    DETAIL,
    DIVISIONS,
    SUMMARY,
    Submitter,
    Tree,
)
from loadscope.submission.rounds import AS_CLOSED

TREE: RuleSet[Tree] = RuleSet()
SUBMITTER: RuleSet[Submitter] = RuleSet()
_TEXT = (".txt", ".json", ".md", ".conf", ".yaml", ".yml")
_READ_AS_TEXT = frozenset(
    {"accuracy.txt", "baseline_accuracy.txt", "compliance_accuracy.txt", SUMMARY, DETAIL}
    | {"verify_accuracy.txt", "verify_performance.txt"}
)
_BOM = b"\xef\xbb\xbf"
_READ = ("results", "systems", "measurements", "compliance", "model_mapping.json")
_VERSION_CONTROL = frozenset({".gitkeep", ".gitignore", ".gitattributes"})
_WINDOWS = re.compile(
    r'(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?|.*[<>:"|?*\\].*|.*\.', re.IGNORECASE
)
"""Names of devices, with any ending; names with a character that NTFS refuses, or a last dot."""


@TREE.rule(
    "tree.empty",
    "Every folder on the way to a result leads to one: <division>/<submitter>/results/<system>/"
    "<benchmark>/<scenario>.",
    fix="give the folder that holds closed/ or another division, add the results, or remove the "
    "folder",
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
    "Folders at the top of the tree are closed, network and open, in lower case.",
    fix="rename it, or move it out of the tree",
)
def _divisions(tree: Tree) -> Iterator[Problem]:
    for name in tree.files.folders(""):
        if name not in DIVISIONS and not name.startswith("."):
            yield Problem(name, f"folder '{show(name)}'", "closed, network or open")


@TREE.rule(
    "tree.stray-file",
    "Files lie inside a submitter's folder.",
    fix="move it out of the tree",
    severity="warning",
)
def _stray(tree: Tree) -> Iterator[Problem]:
    for folder in ("", *DIVISIONS):
        for name in tree.files.names(folder):
            if name not in _VERSION_CONTROL:
                yield Problem(f"{folder}/{name}".lstrip("/"), "a file", "only folders here")


def _each(tree: Tree) -> Iterator[TreeEntry]:
    """Every entry, but none of a version control's own folder at the top."""
    for path, entry in tree.files.entries.items():
        if not path.startswith(".git/") and path != ".git":
            yield entry


def _is_read(entry: TreeEntry) -> bool:
    """Whether a checker reads in the folder: it is one that tells of results or systems."""
    return entry.path.split("/")[2:3] in [[name] for name in _READ]


def _is_text(entry: TreeEntry) -> bool:
    """Whether a checker reads the file as text; a README.md or user.conf may be in any code."""
    is_json = entry.name.endswith(".json") and not entry.name.startswith("mlperf_log_")
    return _is_read(entry) and (entry.name in _READ_AS_TEXT or is_json)


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
    "No file or folder is hidden by a leading dot, but .gitkeep, .gitignore and .gitattributes.",
    fix="remove it",
)
def _hidden(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.name.startswith(".") and entry.name not in _VERSION_CONTROL:
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
    "tree.windows-name",
    "Names are such as Windows can have: no device's (aux.txt), none of <>:\"|?*\\, no last dot.",
    fix="rename it; nobody can check the tree out on Windows",
)
def _windows(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if _WINDOWS.fullmatch(entry.name):
            yield Problem(entry.path, f"name '{show(entry.name)}'", "a name that Windows can have")


@TREE.rule(
    "tree.same-log",
    "No two systems have the same detail log, byte for byte: a run is of one system.",
    fix="put each system's own logs into its folder",
    severity="warning",
)
def _same_log(tree: Tree) -> Iterator[Problem]:
    sizes: dict[int, list[str]] = defaultdict(list)
    for entry in tree.files.entries.values():
        if entry.kind == "file" and entry.name == DETAIL and entry.size and _is_read(entry):
            sizes[entry.size].append(entry.path)
    for paths in sizes.values():
        first: dict[str, str] = {}
        for path in sorted(paths) if len({_system(path) for path in paths}) > 1 else ():
            try:
                with (tree.files.root / path).open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue  # tree.text tells it.
            other = first.setdefault(digest, path)
            if _system(other) != _system(path):
                yield Problem(path, f"the log of {show(other)}", "a run of this system")


def _system(path: str) -> tuple[str, ...]:
    """Submitter and system of a file; divisions may share a system's run."""
    return tuple(path.split("/")[1:4:2])


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
    "Text files that a checker reads are UTF-8 without a byte-order mark.",
    fix="save it again as UTF-8 without a byte-order mark",
    official=True,
)
def _text(tree: Tree) -> Iterator[Problem]:
    for entry in _each(tree):
        if entry.kind != "file" or not _is_text(entry):
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
    if submitter.other_layout:
        return
    for name in sorted(_named(submitter)):
        if not submitter.tree.files.is_folder(f"{submitter.path}/{name}"):
            yield Problem(f"{submitter.path}/{name}", "no such folder", "a folder")


@SUBMITTER.rule(
    "submitter.layout",
    "A submitter's folder is laid out as the round has it: since v6.0 measurements.json and the "
    "compliance tests lie with each result, up to v5.1 in measurements/ and compliance/.",
    fix="check it with --version and the round it was made for, or package it for this one",
    official=True,
)
def _layout(submitter: Submitter) -> Iterator[Problem]:
    if submitter.other_layout:
        apart = submitter.tree.round.submission.layout.apart
        since, until = "the layout since v6.0", "the layout up to v5.1"
        found, expected = (since, until) if apart else (until, since)
        yield Problem(submitter.path, found, expected)


@SUBMITTER.rule(
    "submitter.source",
    "The source folder has a folder that is not empty for each benchmark.",
    fix="add the source, or a README.md that says where it is",
    severity="warning",
)
def _source(submitter: Submitter) -> Iterator[Problem]:
    source = f"{submitter.path}/{submitter.tree.round.submission.source_folder}"
    if submitter.other_layout or not submitter.tree.files.is_folder(source):
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
    if submitter.division in AS_CLOSED and (entry is None or not entry.size):
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
    used = {one.folder for system in submitter.systems for one in system.benchmarks}
    for name, target in mapping.items():
        if name in used and target not in (
            *known,
            *submitter.tree.round.submission.unchecked_benchmarks,
        ):
            found = f"{show(name)} is mapped to {show(target)}"
            yield Problem(path, found, f"one of {', '.join(known)}")


@SUBMITTER.rule(
    "submitter.unknown",
    "A submitter's folder holds what the round names and nothing else.",
    fix="move it into documentation/ or out of the tree",
    severity="warning",
)
def _unknown(submitter: Submitter) -> Iterator[Problem]:
    files, path = submitter.tree.files, submitter.path
    if submitter.other_layout:
        return
    known = {*_named(submitter), "documentation", "calibration", "calibration.md"}
    known |= {submitter.tree.round.submission.layout.compliance}
    known |= {"model_mapping.json", "README.md", "LICENSE", "LICENSE.md", *_VERSION_CONTROL}
    for name in (*files.folders(path), *files.names(path)):
        if name not in known:
            yield Problem(f"{path}/{name}", f"'{show(name)}'", "no such entry")


def _named(submitter: Submitter) -> set[str]:
    """The folders that the round wants of a submitter."""
    rules = submitter.tree.round.submission
    names = {"results", "systems", rules.source_folder, rules.layout.measurements}
    return names | ({rules.layout.compliance} if submitter.division in AS_CLOSED else set())
