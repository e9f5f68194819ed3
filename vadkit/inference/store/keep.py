"""Remove old events with their pictures and clips, by age and by size."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from vadkit.errors import VadkitError
from vadkit.files import describe_os_error
from vadkit.inference.store.records import ID
from vadkit.inference.store.store import EventStore
from vadkit.recipe import Keep
from vadkit.text import counted

_DAY_S, _GIB = 86400.0, 1 << 30
_MEDIA = re.compile(rf"({ID})\.(?:jpg|mp4)")
# Seconds between two looks at a folder that is being written to.
EVERY_S = 600.0
_log = logging.getLogger("vadkit.events")


@dataclass
class _Kept:
    """An event: its age as Unix time, and its files with their size in bytes."""

    at: float
    files: list[Path] = field(default_factory=list)
    bytes: int = 0


@dataclass(frozen=True)
class Removed:
    """Events that were removed, the bytes of their files, and the bytes that are left."""

    events: tuple[str, ...]
    bytes: int
    left: int

    def __str__(self) -> str:
        freed = f"{self.bytes / 1e6:,.1f} MB"
        return f"{counted(len(self.events), 'event')} removed with {freed} of pictures and clips"


def prune(
    folder: Path,
    keep: Keep,
    answered: Collection[str] = (),
    *,
    now: float | None = None,
    dry: bool = False,
) -> Removed:
    """Remove the events of a folder that ``keep`` does not allow, the oldest first.

    Events with an answer measure the model: age does not remove them, and size does so only when
    no other event is left. Pictures and clips of unknown events count by the time of their file.
    With ``dry``, nothing is removed. Raises ``DataError`` if the events cannot be read.
    """
    store = EventStore(folder)
    kept = _found(store)
    now = time.time() if now is None else now
    least = float("-inf") if keep.days is None else now - keep.days * _DAY_S
    most = float("inf") if keep.gib is None else keep.gib * _GIB
    total = sum(one.bytes for one in kept.values())
    gone: list[str] = []
    freed = 0
    for id in sorted(kept, key=lambda id: (id in answered, kept[id].at)):
        old = kept[id].at < least and id not in answered
        if old or (total - freed > most and kept[id].bytes):
            gone.append(id)
            freed += kept[id].bytes
    if not dry:
        # First the files: a row without files is found again, files without a row may not be.
        for id in gone:
            for path in kept[id].files:
                path.unlink(missing_ok=True)
        if gone and store.path.exists():
            store.remove(gone)
    return Removed(tuple(gone), freed, total - freed)


def _found(store: EventStore) -> dict[str, _Kept]:
    kept = {id: _Kept(at) for id, at in store.ages()}
    try:
        with os.scandir(store.folder / "events") as entries:
            for entry in entries:
                name = _MEDIA.fullmatch(entry.name)
                if name is None or not entry.is_file(follow_symlinks=False):
                    continue
                state = entry.stat(follow_symlinks=False)
                one = kept.setdefault(name[1], _Kept(state.st_mtime))
                one.files.append(Path(entry.path))
                one.bytes += state.st_size
    except FileNotFoundError:
        pass
    return kept


class Keeper:
    """Prunes a folder now and then while it is written to, in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        keep: Keep,
        answered: Callable[[], Collection[str]],
        every_s: float = EVERY_S,
    ) -> None:
        self._folder, self._keep, self._answered, self._every_s = folder, keep, answered, every_s
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """Start pruning if it is due; returns at once."""
        limited = self._keep.days is not None or self._keep.gib is not None
        if not limited or time.monotonic() < self._due:
            return
        if self._thread is None or not self._thread.is_alive():
            self._due = time.monotonic() + self._every_s
            self._thread = threading.Thread(target=self.run, name="keep", daemon=True)
            self._thread.start()

    def run(self) -> None:
        """Prune now; a failure is logged, and tried again later."""
        try:
            removed = prune(self._folder, self._keep, self._answered())
        except OSError as error:
            _log.error("old events cannot be removed: %s", describe_os_error(error))
        except Exception as error:
            text = str(error) if isinstance(error, VadkitError) else repr(error)
            _log.error("old events cannot be removed: %s", text)
        else:
            if removed.events:
                _log.info("%s", removed)
