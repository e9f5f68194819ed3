"""Broken machines on purpose: small disks, read-only disks, processes that are killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TINY = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 40, train_videos: 2}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
augments: {augments}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: {epochs}, batch_size: 4}}
hooks: [{{type: metrics-log, every: 1}}, {{type: checkpoint}}]
calibration: null
"""


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of so many KiB and gives its folder; needs root."""
    mounted = []

    def mount(kib: int, options: str = "rw") -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,{options}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no small disk can be mounted: {error}")
        if done.returncode:
            pytest.skip(f"no small disk can be mounted (needs root): {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture
def tiny_recipe(tmp_path):
    """A function that writes a recipe which trains in seconds."""

    def write(epochs: int = 2, augments: str = "[]") -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(TINY.format(root=tmp_path / "scene", epochs=epochs, augments=augments))
        return path

    return write


@pytest.fixture
def command():
    """A function that starts ``vadkit`` as a process of its own; all are ended with the test."""
    started = []

    def start(*arguments: object, **options) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "vadkit", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def wait_for():
    """A function that gives the first true value of a condition; fails after ``seconds``."""

    def wait(condition, seconds: float = 60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"nothing happened within {seconds:g} s")

    return wait
