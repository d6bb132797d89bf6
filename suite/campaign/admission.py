"""Whether a host may take part: what it says of itself against what the campaign wants."""

from loadscope.submission.rounds import load_round
from loadscope.suite.campaign.campaign_file import CampaignFile
from loadscope.suite.campaign.job import HostFacts
from loadscope.suite.run.noise import OTHERS_PERCENT

MOST_CLOCK_SECONDS = 60.0
"""How far a host's clock may be off; times of results are compared over hosts."""


def misfits(
    facts: HostFacts, host: str, file: CampaignFile, loadscope: str, now: float
) -> list[str]:
    """What speaks against a host, in words; empty where nothing does.

    Args:
        facts: What answers under the name of the host.
        host: The name.
        file: The campaign file.
        loadscope: The coordinator's version of LoadScope.
        now: Its clock, seconds since the epoch.
    """
    found = []
    if facts.name != host:
        found.append(f"the worker says that it is '{facts.name}'")
    for target in file.targets:
        if host not in target.hosts:
            continue
        wanted = target.loadscope or loadscope
        if facts.loadscope != wanted:
            found.append(f"LoadScope: expected {wanted}, got {facts.loadscope}")
        if target.python and not _begins(facts.python, target.python):
            found.append(f"Python: expected {target.python}, got {facts.python}")
        if target.machine and facts.machine != target.machine:
            found.append(f"machine: expected {target.machine}, got {facts.machine}")
    if facts.loadgen != load_round().loadgen:
        found.append(f"LoadGen: expected {load_round().loadgen}, got {facts.loadgen}")
    if abs(off := facts.clock - now) > MOST_CLOCK_SECONDS:
        found.append(
            f"clock: {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the coordinator's; "
            "set it, for example by NTP"
        )
    return list(dict.fromkeys(found))


def is_quiet(facts: HostFacts) -> bool:
    """Whether a host does nothing else that would disturb a test."""
    return facts.measuring == 0 and facts.others_percent <= OTHERS_PERCENT


def _begins(version: str, wanted: str) -> bool:
    parts = wanted.split(".")
    return version.split(".")[: len(parts)] == parts
