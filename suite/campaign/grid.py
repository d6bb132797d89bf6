"""How a campaign stands, read from its folder alone: for the terminal, the web and programs."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from loadscope.rundir.part import Part
from loadscope.suite.campaign.agreement import Agreement, read_agreement
from loadscope.suite.campaign.board import Board, Limits, RunState, board_of
from loadscope.suite.campaign.campaign_file import CampaignFile, read_campaign_file
from loadscope.suite.campaign.job_folder import RUN
from loadscope.suite.campaign.journal import Event, read_journal
from loadscope.suite.campaign.places import CAMPAIGN_FILE, CANCEL_FILE, fetched, run_folder
from loadscope.suite.campaign.planned import Planned


class Cell(Part):
    """One run.

    Attributes:
        run: Its id.
        group: The target, or the target and the host: a column.
        test: Model, framework and scenario: a row.
        status: ``pending``, ``assigned`` (on its host), ``finished``, ``invalid`` or ``failed``.
        host: Where its last try is or was.
        tries: How many there were.
        reason: Why it is not finished, or was tried again.
        rehearsal: Why it is shorter than full length; empty when it is not, or not known yet.
        began: When its last try was assigned, seconds since the epoch.
        ended: When that ended.
        agreement: How it stands to its golden file, where the target has one of its model.
        path: The run directory below the campaign's folder, as soon as there is one here.
    """

    run: str
    group: str
    test: str
    status: str
    host: str | None = None
    tries: int = 0
    reason: str = ""
    rehearsal: tuple[str, ...] = ()
    began: float | None = None
    ended: float | None = None
    agreement: Agreement | None = None
    path: str | None = None


class HostRow(Part):
    """One host.

    Attributes:
        name: The host.
        condition: ``ready``, ``refused``, ``unreachable``, ``paused``; empty before it was asked.
        reason: Why.
        since: When that began, seconds since the epoch.
        run: What it has now.
        done: How many runs ended there.
        busy_percent: Share of the time between its first job's begin and its last one's end in
            which a job had it, by the host's own clock.
    """

    name: str
    condition: str = ""
    reason: str = ""
    since: float | None = None
    run: str | None = None
    done: int = 0
    busy_percent: float | None = None


class Grid(Part):
    """A campaign.

    Attributes:
        campaign: Its id.
        name: Its name.
        counts: Runs by status.
        cancelled: Whether it was cancelled.
        rehearsal: Whether the trees are marked as rehearsals.
        groups: The columns.
        tests: The rows.
        cells: The runs.
        hosts: The hosts.
        retries: Tries after a first one.
    """

    campaign: str
    name: str
    counts: dict[str, int]
    cancelled: bool
    rehearsal: bool
    groups: tuple[str, ...]
    tests: tuple[str, ...]
    cells: tuple[Cell, ...]
    hosts: tuple[HostRow, ...]
    retries: int


def read_campaign(folder: Path) -> tuple[CampaignFile, Board, list[Event]]:
    """The campaign file as it was started, how its runs stand, and what has happened.

    Raises:
        InputError: There is no campaign in the folder, or a file is corrupt.
    """
    planned = Planned.read(folder)
    file = read_campaign_file(folder / CAMPAIGN_FILE)
    events = list(read_journal(folder))
    return file, board_of(planned, limits_of(file), events), events


def limits_of(file: CampaignFile) -> Limits:
    """When a run is tried again."""
    return Limits(file.tries, file.host_failures)


def read_grid(folder: Path) -> Grid:
    """Read how a campaign stands; nobody need be at work on it.

    Raises:
        InputError: There is no campaign in the folder, or a file is corrupt.
    """
    file, board, _ = read_campaign(folder)
    cells = tuple(_cell(folder, board, state) for state in board.runs.values())
    return Grid(
        campaign=board.planned.campaign,
        name=file.name,
        counts=dict(Counter(cell.status for cell in cells)),
        cancelled=(folder / CANCEL_FILE).exists(),
        rehearsal=file.rehearsal,
        groups=tuple(dict.fromkeys(cell.group for cell in cells)),
        tests=tuple(dict.fromkeys(cell.test for cell in cells)),
        cells=cells,
        hosts=tuple(_host(board, host) for host in file.hosts),
        retries=sum(max(0, len(state.tries) - 1) for state in board.runs.values()),
    )


def busy_percent(spans: Iterable[tuple[float, float]]) -> float | None:
    """The share of the time from the first begin to the last end in which a job had the host."""
    known = sorted(spans)
    if not known:
        return None
    whole = max(end for _, end in known) - known[0][0]
    return 100 * sum(end - begin for begin, end in known) / whole if whole > 0 else None


def _cell(folder: Path, board: Board, state: RunState) -> Cell:
    last = state.tries[-1] if state.tries else None
    outcome = last.outcome if last else None
    return Cell(
        run=state.planned.id,
        group=state.planned.group,
        test=board.planned.title(state.planned),
        status=state.status,
        host=state.host,
        tries=len(state.tries),
        reason=state.reason,
        rehearsal=outcome.rehearsal if outcome else (),
        began=last.began if last else None,
        ended=last.ended if last else None,
        agreement=read_agreement(folder, state.planned),
        path=_path(folder, state),
    )


def _path(folder: Path, state: RunState) -> str | None:
    final = run_folder(folder, state.planned)
    tried = [fetched(folder, f"{state.planned.id}.{one.number}") / RUN for one in state.tries]
    found = [path for path in (final, *reversed(tried)) if path.is_dir()]
    return found[0].relative_to(folder).as_posix() if found else None


def _host(board: Board, host: str) -> HostRow:
    condition, reason, since = board.conditions.get(host, ("", "", None))
    current = board.current(host)
    ended = [
        one.outcome
        for state in board.runs.values()
        for one in state.tries
        if one.host == host and one.outcome is not None
    ]
    return HostRow(
        name=host,
        condition=condition,
        reason=reason,
        since=since,
        run=current.planned.id if current else None,
        done=len(ended),
        busy_percent=busy_percent((one.began, one.ended) for one in ended),
    )
