"""The settings of stored frames, and the keys that follow from them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from vadkit.data.decoding.decode import READERS, STALL_S
from vadkit.data.decoding.levels import Levels
from vadkit.data.store.digests import content_digest
from vadkit.errors import DataError
from vadkit.plugins import as_run

# Part of every key: increase it when the file layout or the resizing of frames changes.
_FORMAT = "4"


@dataclass(frozen=True)
class Settings:
    """How frames are made; all fields except the stall time are part of the store's key."""

    size: tuple[int, int]
    channels: str
    readers: tuple[str, ...] = READERS
    plugins: tuple[Path, ...] = ()
    stall_s: float = STALL_S
    levels: Levels | None = None

    @property
    def planes(self) -> int:
        """The number of channels of one frame."""
        return 3 if self.channels == "rgb" else 1

    @property
    def frame_bytes(self) -> int:
        """The number of bytes of one frame."""
        return self.size[0] * self.size[1] * self.planes

    @property
    def flow_bytes(self) -> int:
        """The number of bytes of one frame's optical flow, two values in float16 per pixel."""
        return self.size[0] * self.size[1] * 2 * 2


def cache_folder() -> Path:
    """Return ``$VADKIT_CACHE``, else ``vadkit`` in the user's cache folder."""
    if folder := os.environ.get("VADKIT_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vadkit"


def store_key(path: Path, settings: Settings, cache: Path) -> str:
    """Return the name of a file's frames in the store: a hash of its content and of the settings.

    An unreadable file also gets a name; decoding reports the reason.
    """
    try:
        content = content_digest(path, cache / "digests")
    except DataError:
        content = f"unreadable {path.absolute()}"
    parts = [_FORMAT, content, str(settings.size), settings.channels, *settings.readers]
    if not {*settings.readers} <= {*READERS}:
        # A reader from a plugin makes other frames after it has changed.
        parts += [one.content.decode(errors="replace") for one in as_run(settings.plugins)]
    if settings.levels is not None and path.is_dir():
        parts.append(str(settings.levels))
    return hashlib.blake2b(os.fsencode("\n".join(parts)), digest_size=16).hexdigest()
