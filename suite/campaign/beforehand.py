"""What a campaign file asks for and names, looked at before anything runs."""

from pathlib import Path

from loadscope.errors import InputError
from loadscope.submission.package.names import require_name
from loadscope.submission.package.system import read_system
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.suite.campaign.agreement import golden_files
from loadscope.suite.campaign.campaign_file import CampaignFile
from loadscope.suite.campaign.dispatcher import DISPATCHERS
from loadscope.suite.campaign.planned import Planned, plan_campaign


def checked_plan(file: CampaignFile) -> tuple[Planned, dict[tuple[str, str], Path]]:
    """The plan of a campaign whose end would not fail for what is known now.

    Args:
        file: The campaign file; what it names is looked for from the working directory.

    Returns:
        The plan, and the golden files by target and model.

    Raises:
        InputError: The dispatcher or a setting of it, a script, a golden file, or what a submission
            tree needs is wrong.
    """
    DISPATCHERS.require(file.dispatcher).check(file.hosts, file.dispatcher_settings)
    planned = plan_campaign(file)
    golden = golden_files(file, planned)
    _require_submittable(file)
    return planned, golden


def _require_submittable(file: CampaignFile) -> None:
    rules = load_round(CURRENT)
    for target in file.targets:
        if (wanted := target.submission) is None:
            continue
        try:
            require_name(wanted.submitter, "submitter")
            read_system(Path(wanted.system), wanted.division, wanted.submitter, rules)
        except InputError as error:
            raise InputError(f"{target.name}: submission: {error.message}", error.fix) from error
