"""What an installation has and lacks: the first look when something does not work."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vadkit.addresses import mask_address, mask_addresses
from vadkit.errors import VadkitError
from vadkit.text import printable

Status = Literal["ok", "note", "bad"]
_PACKAGES = ("torch", "torchvision", "numpy", "av", "decord", "imaug", "opencv-python")
# Extras by what they need.
_EXTRAS = {
    "web": "uvicorn",
    "mqtt": "paho",
    "apprise": "apprise",
    "report": "plotly",
    "onnx": "onnxruntime",
}
_DECODERS, _ENCODER = ("h264", "hevc", "mjpeg", "mpeg4", "vp9", "av1"), "libx264"
_LEAST_GIB = 2.0
_CAMERA_S = 15.0
# No clock was earlier when this was written.
_EPOCH = 1_780_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``bad`` stops something from working, ``note`` may do so."""

    what: str
    status: Status
    text: str

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return asdict(self)


def examine(
    version: str, sources: Sequence[str] = (), port: int = 8700, folder: Path = Path()
) -> Iterator[Finding]:
    """Look at versions, the GPU, codecs, the port, the disk, the clock, and then each source."""
    yield from _versions(version)
    yield _gpu()
    yield from _codecs()
    yield _port(port)
    yield from _disks(folder)
    yield _clock()
    for source in sources:
        yield camera(source)


def _versions(version: str) -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield Finding("vadkit", "ok", f"{version}, Python {platform.python_version()}, {system}")
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if "opencv-python" in missing and importlib.util.find_spec("cv2") is not None:
        missing.remove("opencv-python")
    status: Status = "bad" if missing else "ok"
    yield Finding("packages", status, ", ".join([*found, *(f"no {name}" for name in missing)]))
    have = [name for name, module in _EXTRAS.items() if importlib.util.find_spec(module)]
    lack = [name for name in _EXTRAS if name not in have]
    text = f"{', '.join(have) or 'none'}"
    if lack:
        text += f"; missing: pip install 'vadkit[{','.join(lack)}]'"
    yield Finding("extras", "note" if lack else "ok", text)


def _gpu() -> Finding:
    try:
        import torch

        if torch.cuda.is_available():
            names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
            return Finding("GPU", "ok", f"{', '.join(names)} (CUDA {torch.version.cuda})")
    except Exception as error:
        return Finding("GPU", "bad", printable(f"PyTorch cannot be used: {error!r}"))
    if shutil.which("nvidia-smi"):
        text = "there is a driver of NVIDIA, but PyTorch cannot use it; install PyTorch with CUDA"
        return Finding("GPU", "note", text)
    return Finding("GPU", "ok", f"none; the CPU is used ({os.cpu_count()} cores)")


def _codecs() -> Iterator[Finding]:
    try:
        import av
    except ImportError as error:
        yield Finding("codecs", "bad", printable(f"PyAV cannot be used: {error}"))
        return
    lack = [name for name in _DECODERS if not _codec(av, name, "r")]
    said = f"no decoder for {', '.join(lack)}" if lack else f"{', '.join(_DECODERS)} can be read"
    bad = {"h264", "hevc"} & set(lack)
    yield Finding("codecs", "bad" if bad else "note" if lack else "ok", said)
    if not _codec(av, _ENCODER, "w"):
        yield Finding("clips", "note", f"no {_ENCODER}; clips may not play in a browser")


def _codec(av: Any, name: str, mode: str) -> bool:
    try:
        av.codec.Codec(name, mode)
    except Exception:
        return False
    return True


def _port(port: int) -> Finding:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return Finding("port", "ok", f"{port} is free for the page (--web {port})")
    except OSError as error:
        text = f"{port} cannot be used ({error.strerror}); another program, or another vadkit, "
        return Finding("port", "note", f"{text}has it; choose another with --web PORT")


def _disks(folder: Path) -> Iterator[Finding]:
    from vadkit.data.store.settings import cache_folder

    for what, path in (("disk", folder.absolute()), ("cache", cache_folder())):
        while not path.exists() and path != path.parent:
            path = path.parent
        try:
            free = shutil.disk_usage(path).free / (1 << 30)
            writable = os.access(path, os.W_OK)
        except OSError as error:
            yield Finding(what, "bad", printable(f"{path}: {error.strerror}"))
            continue
        text = f"{free:,.1f} GiB free at {printable(str(path))}"
        if not writable:
            yield Finding(what, "bad", f"{text}, but it cannot be written")
        else:
            low = free < _LEAST_GIB
            yield Finding(
                what, "note" if low else "ok", text + (", which is little" if low else "")
            )


def _clock() -> Finding:
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime())
    if time.time() < _EPOCH:
        return Finding("clock", "bad", f"{now} is in the past; times of events would be wrong")
    try:
        done = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        said = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    if said == "no":
        text = (
            f"{now}; not synchronised, so times of events may drift (systemd-timesyncd or chrony)"
        )
        return Finding("clock", "note", text)
    return Finding("clock", "ok", now + (", synchronised" if said == "yes" else ""))


def camera(text: str, seconds: float = _CAMERA_S) -> Finding:
    """Open a source and read frames for a few seconds."""
    from vadkit.inference.sources.find import find_sources
    from vadkit.inference.sources.source import Frame

    what = f"camera {printable(mask_address(text))}"
    try:
        found = list(find_sources([text]).values())
    except VadkitError as error:
        return Finding(what, "bad", printable(mask_addresses(str(error))))
    source, frames, trouble = found[0], 0, ""
    size: tuple[int, int] | None = None
    started, first, last = time.monotonic(), 0.0, 0.0
    timer = threading.Timer(seconds, source.close)
    timer.daemon = True
    timer.start()
    try:
        for item in source.read():
            if isinstance(item, Frame):
                frames, last, size = frames + 1, time.monotonic(), item.image.shape[:2]
                first = first or last
                if last - first > 3 or frames >= 200:
                    break
            elif item.message:
                trouble = item.message
    except Exception as error:
        trouble = repr(error) if not isinstance(error, VadkitError) else str(error)
    finally:
        timer.cancel()
        source.close()
    trouble = printable(mask_addresses(trouble))
    if not frames:
        return Finding(
            what, "bad", f"no frame within {seconds:g} s{f': {trouble}' if trouble else ''}"
        )
    assert size is not None
    rate = (frames - 1) / (last - first) if last > first else 0.0
    text = f"{size[1]}x{size[0]}, {rate:.1f} frames/s, first after {first - started:.1f} s"
    return Finding(what, "ok", text)
