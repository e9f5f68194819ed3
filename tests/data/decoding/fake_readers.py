"""A plugin of readers that fail in every way, registered as ``fake-<name>``."""

import ctypes
import os
import signal
import time

import numpy as np

import vadkit


def register(reader):
    return vadkit.register("readers", f"fake-{reader.__name__}")(reader)


@register
def numbered(path):
    """Ten frames that tell their number."""
    for number in range(10):
        yield np.full((4, 6, 3), number, np.uint8)


@register
def first_three(path):
    for number in range(3):
        yield np.full((4, 6, 3), number, np.uint8)


@register
def first_two(path):
    for number in range(2):
        yield np.full((4, 6, 3), number, np.uint8)


@register
def slow(path):
    """Two frames a second: quicker than a stall, each far later than progress is told."""
    for number in range(4):
        time.sleep(0.5)
        yield np.full((4, 6, 3), number, np.uint8)


@register
def hangs(path):
    """Three frames, then a native call that never returns and keeps Python's lock."""
    yield from first_three(path)
    ctypes.PyDLL(None).pause()


@register
def crashes(path):
    yield from first_three(path)
    os.kill(os.getpid(), signal.SIGSEGV)


@register
def tears(path):
    """Three frames, then dies with a part of the next one in the file beside the video."""
    yield from first_three(path)
    time.sleep(0.2)
    with path.with_suffix(".u8").open("ab") as file:
        file.write(b"torn")
    os.kill(os.getpid(), signal.SIGKILL)


@register
def leaves_its_process_and_hangs(path):
    path.with_suffix(".process").write_text(str(os.getpid()))
    yield from hangs(path)


@register
def breaks(path):
    yield from first_three(path)
    raise RuntimeError("[12:00:00] /src/video.cc:12: bad packet\nstack trace")


@register
def is_empty(path):
    yield from ()


@register
def chatters(path):
    """Prints on both levels of standard output, as native libraries do."""
    os.write(1, b"hello from C\n")
    print("hello from Python", flush=True)
    yield from first_three(path)


@register
def gives_floats(path):
    yield np.zeros((4, 6, 3))


@register
def tells_modules(path):
    """One frame: 1 where torch has been imported in the child."""
    import sys

    yield np.full((4, 6, 3), "torch" in sys.modules, np.uint8)


@register
def tells_process(path):
    """One frame that holds the child's process number."""
    yield np.frombuffer(os.getpid().to_bytes(6, "little"), np.uint8).reshape(1, 2, 3)


@register
def raw_decord(path):
    """decord without our guard against transport streams."""
    import decord

    video = decord.VideoReader(str(path), num_threads=1)
    for _ in range(len(video)):
        yield video.next().asnumpy()


@register
def reuses_its_buffer(path):
    """Big frames 0 to 9, all in the same array."""
    frame = np.empty((400, 600, 3), np.uint8)
    for number in range(10):
        frame[:] = number
        yield frame
