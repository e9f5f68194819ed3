"""Do the Dockerfile's steps hold in a clean Debian root, without a container runtime?

    python benchmarks/clean_root.py [--base FILE] [--work FOLDER] [--host-pip] [--out FILE]

mmdebstrap makes a minimal root of Debian bookworm. The instructions of packaging/docker/Dockerfile
are read from the file and followed in it with chroot: RUN, COPY, ENV, WORKDIR, USER, both stages.
Then, as the image's user and with the image's entry point and command: `vadkit train` on drawn
video of normal walkers, `vadkit init site`, and `vadkit watch` on an RTSP stream in which a
cart drives through. That last step has a network of its own with nothing but loopback, and vadkit
is process 1 there, as in a container. The image's health check must pass, frames must be scored,
alarms raised, files must belong to the image's user, and SIGTERM must end it within 30 seconds with
code 0 and no open alarm. The result is JSON; the exit code is 1 if something of this did not hold.

What differs from an image: Debian's Python (3.11) takes the place of the image python:3.12-slim,
and chroot with namespaces that of the runtime, so nothing limits memory or system calls. With
``--host-pip``, pip also uses the settings and wheels that this machine's pip has (where PyTorch's
index cannot be reached, also set PIP_RETRIES=0). Needs root, mmdebstrap, util-linux, iproute2, and
GStreamer's RTSP server for the system's Python: Debian's python3-gi, gir1.2-gst-rtsp-server-1.0,
gstreamer1.0-plugins-good and gstreamer1.0-plugins-ugly.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
RTSP_SERVER = ROOT / "tests" / "inference" / "sources" / "rtsp_server.py"
RTSP_PORT, TOKEN = 8554, "a-token-of-the-clean-root"
STOPS_WITHIN_S = 30.0
RECIPE = """\
name: gate
dataset: {type: folder, root: normal}
method: {type: motion-field}
"""
FPS = 25


@dataclass
class Image:
    """A stage of the Dockerfile in a folder, with the settings that its instructions gave."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    cwd: str = "/"
    lists: dict[str, list[str]] = field(default_factory=dict)

    def command(self, command: list[str], binds: list[str], more: dict[str, str]) -> list[str]:
        """Give a command that runs another in the folder, as process 1 of a namespace."""
        here, lines = shlex.quote(str(self.folder)), ["set -e"]
        lines += [f"mount -t proc proc {here}/proc", f"mount --rbind /dev {here}/dev"]
        for path in ["/etc/resolv.conf", *binds]:
            lines.append(f"mount --bind -o ro {shlex.quote(path)} {here}{shlex.quote(path)}")
        env = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", **self.env, **more}
        inner = f"cd {shlex.quote(self.cwd)} && exec {shlex.join(command)}"
        chroot = ["chroot", f"--userspec={self._ids()}", str(self.folder), "/usr/bin/env", "-i"]
        chroot += [f"{name}={value}" for name, value in env.items()]
        lines.append("exec " + shlex.join([*chroot, "sh", "-c", inner]))
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*unshare, "sh", "-c", "\n".join(lines)]

    def run(self, command: list[str], binds: list[str] = (), **more: str) -> str:  # type: ignore[assignment]
        for path in ["/etc/resolv.conf", *binds]:
            inside = Path(f"{self.folder}{path}")
            inside.parent.mkdir(parents=True, exist_ok=True)
            if Path(path).is_dir():
                inside.mkdir(exist_ok=True)
            elif not inside.exists():
                inside.touch()
        done = subprocess.run(
            self.command(command, binds, more), text=True, stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            print(done.stdout[-4000:], file=sys.stderr)
            raise SystemExit(f"this step failed with code {done.returncode}: {shlex.join(command)}")
        return done.stdout

    def _ids(self) -> str:
        for line in (self.folder / "etc" / "passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == self.user:
                return f"{uid}:{gid}"
        raise SystemExit(f"the root has no user {self.user}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, help="a tar file of the clean root; made if missing")
    parser.add_argument("--work", type=Path, help="a folder for the roots, which is kept")
    parser.add_argument("--host-pip", action="store_true")
    parser.add_argument("--seconds", type=float, default=40, help="how long to watch")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        image = Image(**{**json.loads(given.serve.read_text()), "folder": given.serve.parent})
        print(json.dumps(serve(image, given.seconds)))
        return
    if os.geteuid() or not shutil.which("mmdebstrap"):
        raise SystemExit("this needs root, and mmdebstrap: apt-get install mmdebstrap")
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="vadkit-root-")
        work = given.work or Path(stack.enter_context(temporary))
        work.mkdir(parents=True, exist_ok=True)
        image = build(work, base_root(given.base or work / "base.tar"), given.host_pip)
        built = time.monotonic()
        run = prepare(image)
        found = {"run": run, "built_s": round(built - started), **watch(image, given.seconds)}
    text = json.dumps(found, indent=2)
    if given.out:
        given.out.write_text(text + "\n")
    print(text)
    sys.exit(bool(found["faults"]))


# The image.


def base_root(tar: Path) -> Path:
    """Make the tar file of a clean root, unless there is one."""
    if not tar.exists():
        say("a clean root of Debian bookworm")
        command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(tar)]
        subprocess.run(command, check=True)
    return tar


def build(work: Path, base: Path, host_pip: bool) -> Image:
    """Follow the Dockerfile and return its last stage."""
    pip, binds = pip_of_this_machine() if host_pip else ({}, [])
    stages: dict[str, Image] = {}
    image = Image(work)
    text = (ROOT / "packaging" / "docker" / "Dockerfile").read_text()
    for name, value in instructions(text):
        if name == "FROM":
            image = Image(work / f"stage-{len(stages)}")
            stages[value.partition(" AS ")[2] or "last"] = image
            shutil.rmtree(image.folder, ignore_errors=True)
            image.folder.mkdir()
            subprocess.run(["tar", "-xf", str(base), "-C", str(image.folder)], check=True)
        elif name == "RUN":
            say(f"RUN {value}")
            image.run(["sh", "-c", value], binds, **pip)
        elif name == "COPY":
            copy(value, image, stages)
        elif name == "ENV":
            for one in shlex.split(value):
                key, _, setting = one.partition("=")
                usual = "/usr/local/bin:/usr/bin:/bin"
                image.env[key] = setting.replace("$PATH", usual)
        elif name == "WORKDIR":
            image.cwd = value
            (image.folder / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            image.user = value
        elif name == "HEALTHCHECK":
            image.lists[name] = json.loads(value.partition("CMD")[2])
        elif name in ("ENTRYPOINT", "CMD"):
            image.lists[name] = json.loads(value)
        elif name not in ("VOLUME", "EXPOSE", "STOPSIGNAL"):
            raise SystemExit(f"this script does not know the Dockerfile's instruction {name}")
    # The volume, which `docker run -v` brings, writable for the image's user.
    uid, _, gid = image._ids().partition(":")
    os.chown(image.folder / image.cwd.lstrip("/"), int(uid), int(gid))
    return image


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Give the Dockerfile's instructions with their values, without comments."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            name, value = line.split(None, 1)
            yield name, value.strip()


def copy(value: str, image: Image, stages: dict[str, Image]) -> None:
    words = shlex.split(value)
    source, how = ROOT, ["cp", "-a", "-T"]
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].folder
        # No earlier stage is used again, so its files need not be doubled.
        how.append("--link")
    *names, to = words
    target = image.folder / os.path.join(image.cwd, to).lstrip("/")
    for name in names:
        path = source / name.lstrip("/")
        place = target / path.name if to.endswith("/") else target
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*how, str(path), str(place)], check=True)


def pip_of_this_machine() -> tuple[dict[str, str], list[str]]:
    """Give pip's settings here as variables, and the paths that they name."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True)
    env = {}
    # The variables of the environment last: they win.
    for line in sorted(done.stdout.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        setting = str(ast.literal_eval(value))
        env["PIP_" + name.rpartition(".")[2].upper().replace("-", "_")] = setting
    paths = [word.removeprefix("file://") for setting in env.values() for word in setting.split()]
    # The folders of a local index are beside it.
    paths = [str(Path(path).parent) if path.endswith("/simple") else path for path in paths]
    return env, sorted({path for path in paths if path.startswith("/") and Path(path).exists()})


# Its use.


def prepare(image: Image) -> str:
    """Train on drawn video as the image's user, write the file of the site, return the run."""
    data = image.folder / image.cwd.lstrip("/")
    say("drawing videos")
    (data / "normal").mkdir()
    for seed in range(6):
        write_video(data / "normal" / f"{seed}.mp4", [(seed, 400, None)])
    write_video(data / "camera.mp4", [(50, 200, None), (51, 250, "vehicle")])
    (data / "gate.yaml").write_text(RECIPE)
    vadkit = image.lists["ENTRYPOINT"]
    say("vadkit train, as the image's user")
    inside = image.run([*vadkit, "train", "gate.yaml"]).split()[-1]
    address = f"gate=rtsp://127.0.0.1:{RTSP_PORT}/cam"
    image.run([*vadkit, "init", "site", "--run", inside, "--camera", address])
    return inside


def write_video(path: Path, parts: list[tuple[int, int, Any]]) -> None:
    import av

    from vadkit.data.synthetic.scene import draw_video

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = 120, 160, "yuv420p", 12
        for seed, frames, anomaly in parts:
            for picture in draw_video(seed=seed, frames=frames, anomaly=anomaly)[0]:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def watch(image: Image, seconds: float) -> dict[str, Any]:
    """Watch in a network of its own, and look at what it left."""
    plan = image.folder / "image.json"
    settings = {name: getattr(image, name) for name in ("env", "user", "cwd", "lists")}
    plan.write_text(json.dumps(settings))
    command = ["unshare", "--net", sys.executable, __file__, "--serve", str(plan)]
    say("vadkit watch on an RTSP stream")
    done = subprocess.run(
        [*command, "--seconds", str(seconds)], text=True, stdout=subprocess.PIPE, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    listed = image.run([*image.lists["ENTRYPOINT"], "events", "events", "--json"])
    events = json.loads(listed)
    found["events"] = len(events)
    faults = found["faults"]
    if not events:
        faults.append("no alarm")
    if open_ := [one["id"] for one in events if one["state"] != "over"]:
        faults.append(f"alarms that are not over: {open_}")
    store = image.folder / image.cwd.lstrip("/") / "events"
    owners = {str(path.stat().st_uid) for path in [store, *store.rglob("*")]}
    found["owners_of_files"] = sorted(owners)
    if owners != {image._ids().partition(":")[0]}:
        faults.append(f"files belong to {sorted(owners)}")
    return found


def serve(image: Image, seconds: float) -> dict[str, Any]:
    """Start the camera and the image's command, look at it for a while, and end it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    video = image.folder / image.cwd.lstrip("/") / "camera.mp4"
    camera = subprocess.Popen(
        ["/usr/bin/python3", str(RTSP_SERVER), str(video), str(RTSP_PORT)], stdout=subprocess.PIPE
    )
    assert camera.stdout is not None and camera.stdout.readline() == b"ready\n"
    log_path = image.folder.parent / "watch.log"
    command = image.lists["ENTRYPOINT"] + image.lists["CMD"]
    faults = []
    with log_path.open("w") as log:
        process = subprocess.Popen(
            image.command(command, [], {"VADKIT_TOKEN": TOKEN}), stdout=log, stderr=log
        )
        healthy_after = wait_until_healthy(image, process)
        if healthy_after is None:
            faults.append("the health check never passed")
        time.sleep(seconds)
        figures = metrics() if process.poll() is None else {}
        inner = first_child(process.pid)
        uids = Path(f"/proc/{inner}/status").read_text().split("Uid:")[1].split()[:4]
        started = time.monotonic()
        os.kill(inner, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_WITHIN_S)
        stopped = time.monotonic() - started
    camera.kill()
    if process.poll() is None:
        process.kill()
        faults.append("SIGTERM did not end it")
    elif process.returncode:
        faults.append(f"it ended with code {process.returncode}")
    if "0" in uids:
        faults.append("it ran as root")
    if figures.get("vadkit_camera_frames_total", 0) < 5 * seconds:
        faults.append("too few frames")
    if faults:
        print(log_path.read_text()[-4000:], file=sys.stderr)
    return {
        "healthy_after_s": healthy_after,
        "uid": uids[0],
        **figures,
        "stopped_after_s": round(stopped, 1),
        "code": process.returncode,
        "faults": faults,
    }


def wait_until_healthy(image: Image, process: subprocess.Popen[Any]) -> float | None:
    """Run the image's health check until it passes, for up to two minutes."""
    started = time.monotonic()
    while time.monotonic() < started + 120 and process.poll() is None:
        check = image.command(image.lists["HEALTHCHECK"], [], {})
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return round(time.monotonic() - started, 1)
        time.sleep(0.5)
    return None


def metrics() -> dict[str, float]:
    """Read the figures of the only camera that a person would look at."""
    request = urllib.request.Request(
        "http://127.0.0.1:8700/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    wanted = ("camera_up", "camera_fps", "frames_total", "dropped_total", "alarms_total")
    return {
        line.partition("{")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if not line.startswith("#") and line.partition("{")[0].endswith(wanted)
    }


def first_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def say(text: str) -> None:
    print(f"clean root: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
