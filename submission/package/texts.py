"""The READMEs of a submission, from what the runs recorded."""

import itertools

from loadscope.submission.check import Report
from loadscope.submission.package.package_plan import Plan, PlannedResult
from loadscope.submission.package.system import DescribedSystem
from loadscope.submission.package.weights import weights_of
from loadscope.submission.rounds import Round

REHEARSAL = "REHEARSAL: not a submission. Some runs are shorter than the round asks for."
_INFERENCE = {
    ("SingleStream", "MultiStream"): "8 times its early-stopping latency",
    ("SingleStream", "Offline"): "its queries a second without LoadGen's overhead",
    ("MultiStream", "Offline"): "8 samples over its mean latency",
}


def rehearsal_readme(report: Report) -> str:
    """What marks a rehearsal, with what the round's rules find in its tree."""
    lines = ["# Rehearsal", "", REHEARSAL]
    if report.findings:
        lines += ["", f"The rules of {report.round} find:", ""]
    for _, same in itertools.groupby(
        sorted(report.findings, key=lambda one: (one.severity, one.rule)), key=lambda one: one.rule
    ):
        first, *others = same
        more = f" (and {len(others)} more)" if others else ""
        lines.append(f"- {first.severity} {first.rule}: {first.path}: {first.message}{more}")
    return "\n".join([*lines, ""])


def result_readme(
    entry: PlannedResult, system: DescribedSystem, rules: Round, rehearsal: bool
) -> str:
    """The README.md of one result."""
    record = entry.run.record
    lines = [f"# {entry.benchmark} {entry.scenario} on {system.fields['system_name']}", ""]
    if rehearsal:
        lines += [REHEARSAL, *(f"- {reason}" for reason in record.rehearsal), ""]
    if entry.inferred_from:
        how = _INFERENCE[(entry.inferred_from, entry.scenario)]
        lines += [
            f"This result is inferred from {entry.inferred_from}, as {rules.round} allows edge "
            f"systems: {how}. The logs here are those of {entry.inferred_from}.",
            "",
        ]
    lines += [
        f"- model: {record.model.title}, sha256 `{record.model.sha256}`",
        f"- weights: `{weights_of(record.model)}` ({record.model.licence})",
        f"- data: {record.data.samples:,} samples, digest `{record.data.digest}`",
        *(f"- {name} {version}" for name, version in sorted(record.versions.items())),
        *(f"- {name}: {value}" for name, value in sorted(record.effective.model_dump().items())),
        "",
        f"To repeat it, see `{rules.submission.source_folder}/{entry.benchmark}/README.md`.",
        "",
    ]
    return "\n".join(lines)


def summary_readme(plan: Plan, system: DescribedSystem, submitter: str, rehearsal: bool) -> str:
    """The README.md of the whole tree."""
    lines = [f"# {submitter}: {plan.division} division, {plan.category}", ""]
    if rehearsal:
        lines += [REHEARSAL, ""]
    lines += ["| system | benchmark | scenario | result |", "|---|---|---|---|"]
    for entry in plan.entries:
        how = f"inferred from {entry.inferred_from}" if entry.inferred_from else "measured"
        lines.append(f"| {system.name} | {entry.benchmark} | {entry.scenario} | {how} |")
    inferred = [entry for entry in plan.entries if entry.inferred_from]
    if inferred:
        lines += [
            "",
            "The inferred results are the cheapest way that the rules allow an edge system; "
            "measured ones may be better:",
            *(f"- {missing}" for missing in plan.missing if not missing.required),
        ]
    if rehearsal and plan.problems:
        lines += ["", "What keeps this from being a submission:"]
        # The runs' folders on this machine say nothing elsewhere, and would change the bytes.
        for problem in plan.problems:
            message = problem.message
            for entry in plan.entries:
                message = message.replace(str(entry.run.path), entry.run.path.name)
            lines.append(f"- {message}")
    return "\n".join([*lines, ""])
