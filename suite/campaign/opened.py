"""Starting a campaign in its folder, and going on with one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

import loadscope
from loadscope.errors import InputError, WorkError
from loadscope.files import write_text
from loadscope.suite.campaign.admission import misfits
from loadscope.suite.campaign.agreement import keep_golden
from loadscope.suite.campaign.beforehand import checked_plan
from loadscope.suite.campaign.board import Board
from loadscope.suite.campaign.campaign_file import CampaignFile, read_campaign_file
from loadscope.suite.campaign.coordinator import Coordinator, Notice
from loadscope.suite.campaign.dispatcher import DISPATCHERS, Dispatcher, HostUnreachable
from loadscope.suite.campaign.grid import read_campaign
from loadscope.suite.campaign.host_folder import require_space
from loadscope.suite.campaign.journal import Event, Journal
from loadscope.suite.campaign.places import CAMPAIGN_FILE, CANCEL_FILE
from loadscope.suite.campaign.planned import PLAN_FILE, Planned, extended

_ASK_SECONDS = 1.0


@dataclass(frozen=True)
class Opened:
    """A campaign whose folder this process has.

    Attributes:
        folder: The folder.
        file: The campaign file as it was started.
        board: How the runs stand.
        journal: Takes what happens.
    """

    folder: Path
    file: CampaignFile
    board: Board
    journal: Journal

    def carry_out(
        self,
        dispatcher: Dispatcher,
        notice: Notice = lambda _: None,
    ) -> None:
        """Carry out all that is not finished; see ``Coordinator.run``."""
        self._coordinator(dispatcher, notice).run()

    def collect(self, dispatcher: Dispatcher, notice: Notice = lambda _: None) -> None:
        """Bring what has ended on its hosts; see ``Coordinator.collect``."""
        self._coordinator(dispatcher, notice).collect()

    def _coordinator(self, dispatcher: Dispatcher, notice: Notice) -> Coordinator:
        return Coordinator(
            self.folder, self.file, self.board, self.journal, dispatcher, notice=notice
        )


def begin(file_path: Path, folder: Path) -> int:
    """Start a campaign in a folder, or take additions to the one that is there.

    Args:
        file_path: The campaign file.
        folder: The folder, which need not exist.

    Returns:
        How many runs are new.

    Raises:
        InputError: The file is wrong, or was changed otherwise than by additions; or another
            process has the campaign, and would not see them.
    """
    file = read_campaign_file(file_path)
    # A campaign that is there already is for one process at a time.
    with _held(folder) if (folder / PLAN_FILE).exists() else nullcontext():
        return _begin(file, file_path, folder)


def _begin(file: CampaignFile, file_path: Path, folder: Path) -> int:
    planned, golden = checked_plan(file)
    before = 0
    if (folder / PLAN_FILE).exists():
        started = Planned.read(folder)
        before = len(started.runs)
        planned = extended(started, planned, str(file_path))
        _require_same(read_campaign_file(folder / CAMPAIGN_FILE), file, file_path)
    elif folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder", "choose another --folder")
    elif folder.exists() and any(one.name not in _BEFORE for one in folder.iterdir()):
        raise InputError(f"{folder} already exists and is not empty", "choose another --folder")
    keep_golden(golden, folder)
    # The plan last: with it the folder is a campaign.
    write_text(folder / CAMPAIGN_FILE, file_path.read_text(encoding="utf-8"))
    planned.write(folder)
    return len(planned.runs) - before


_BEFORE = ("keys", ".lock", "golden", CAMPAIGN_FILE)
"""What may be in the folder of a campaign before it starts."""


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """Take up the campaign of a folder; one process has it at a time.

    Raises:
        InputError: There is none, another process has it, or a file is corrupt.
    """
    Planned.read(folder)
    with _held(folder):
        file, board, _ = read_campaign(folder)
        journal = Journal(folder)
        try:
            yield Opened(folder, file, board, journal)
        finally:
            journal.close()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Have a campaign's folder for this process alone."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another process carries this campaign out",
            "see loadscope campaign status, or end that process first",
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reached(folder: Path, file: CampaignFile) -> Iterator[Dispatcher]:
    """The campaign's dispatcher.

    Raises:
        InputError: It is unknown, or a setting of it is wrong.
    """
    kind = DISPATCHERS.require(file.dispatcher)
    with kind.open(folder, file.hosts, file.dispatcher_settings) as dispatcher:
        yield dispatcher


def start_workers(folder: Path, file: CampaignFile) -> tuple[str, ...]:
    """Start the workers of a campaign by ssh; see ``DispatcherKind.start_workers``."""
    kind = DISPATCHERS.require(file.dispatcher)
    return kind.start_workers(folder, file.hosts, file.dispatcher_settings)


def require_hosts(
    dispatcher: Dispatcher, file: CampaignFile, hosts: Sequence[str], seconds: float
) -> tuple[str, ...]:
    """Ask hosts what they are, before anything runs.

    Args:
        dispatcher: Reaches them.
        file: The campaign file.
        hosts: Those that have work.
        seconds: How long to wait for those that do not answer.

    Returns:
        Those that still do not.

    Raises:
        InputError: One is not what the file wants.
        WorkError: None answers, or one has no space.
    """
    wrong, left = [], list(hosts)
    deadline = time.monotonic() + seconds
    while True:
        for host in tuple(left):
            try:
                facts = dispatcher.facts(host)
            except HostUnreachable:
                continue
            left.remove(host)
            require_space(host, facts.free_bytes)
            found = misfits(facts, host, file, loadscope.__version__, time.time())
            wrong += [f"{host}: {one}" for one in found]
        if wrong:
            raise InputError(
                "hosts do not fit the campaign: " + "; ".join(wrong),
                "correct them, or the campaign file; nothing has been started",
            )
        if not left or time.monotonic() >= deadline:
            break
        time.sleep(_ASK_SECONDS)
    if len(left) == len(hosts) and hosts:
        raise WorkError(
            f"none of the hosts answers: {', '.join(left)}",
            "start loadscope worker on them, or give --wait more time",
        )
    return tuple(left)


def forget_cancel(opened_: Opened) -> None:
    """Have a campaign that was cancelled go on."""
    cancel = opened_.folder / CANCEL_FILE
    if cancel.exists():
        cancel.unlink()
        opened_.journal.add(Event(at=time.time(), kind="resumed"))


def reopen(opened_: Opened) -> int:
    """Have the runs tried again that have failed for good or are INVALID; how many there are."""
    bad = [
        run for run, state in opened_.board.runs.items() if state.status in ("failed", "invalid")
    ]
    for run in bad:
        event = Event(at=time.time(), kind="reopened", run=run)
        opened_.journal.add(event)
        opened_.board.take(event)
    return len(bad)


def request_cancel(folder: Path) -> None:
    """Have a campaign end, whoever carries it out.

    Raises:
        InputError: There is none.
    """
    Planned.read(folder)
    (folder / CANCEL_FILE).touch()


def _require_same(before: CampaignFile, now: CampaignFile, path: Path) -> None:
    """Check what no run has in itself."""
    for key in ("name", "dispatcher", "rehearsal"):
        if getattr(before, key) != getattr(now, key):
            raise InputError(
                f"{path}: changed since the campaign was started: {key}: "
                f"{getattr(before, key)} → {getattr(now, key)}",
                "take the change back, or start another campaign with --folder",
            )
    kept = {target.name: target for target in now.targets}
    for target in before.targets:
        if target.name in kept and kept[target.name].golden != target.golden:
            raise InputError(
                f"{path}: changed since the campaign was started: {target.name}: golden",
                "take the change back, or start another campaign with --folder",
            )
