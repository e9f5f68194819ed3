"""The systemd unit and the Dockerfile: what they must have, checked by programs where possible."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[1] / "packaging"
UNIT = PACKAGING / "systemd" / "vadkit@.service"
DOCKERFILE = PACKAGING / "docker" / "Dockerfile"


def unit():
    parser = RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    return parser


def instructions():
    """The instructions of the Dockerfile with their arguments, without comments."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def test_the_unit_stops_gracefully_reloads_and_may_do_little():
    service = unit()["Service"]
    assert service["User"] != "root" and service["KillSignal"] == "SIGTERM"
    assert "-HUP" in service["ExecReload"] and service["Restart"] == "always"
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert service[name] == "true"
    # What it starts is a command line of vadkit.
    command = shlex.split(service["ExecStart"])
    assert command[1] == "watch" and command[-2:] == ["--log", "json"]


def test_systemd_accepts_the_unit(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    text = UNIT.read_text().replace("/opt/vadkit/bin/vadkit", "/bin/true")
    # A user and folders of this machine, so that only the unit itself is judged.
    text = re.sub(r"^(User|Group|SupplementaryGroups)=.*\n", "", text, flags=re.MULTILINE)
    path = tmp_path / "vadkit@.service"
    path.write_text(text)
    instance = tmp_path / "vadkit@gate.service"
    instance.write_text(text)
    command = [program, "verify", "--man=no", str(instance)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "vadkit@" in line]
    assert not ours, done.stderr


def test_the_image_is_small_not_root_and_looked_after():
    found = instructions()
    names = [name for name, _ in found]
    bases = [value for name, value in found if name == "FROM"]
    assert len(bases) == 2 and " AS build" in bases[0]
    assert all(re.search(r":[\w.-]*\d", base) and "latest" not in base for base in bases)
    last = found[len(names) - 1 - names[::-1].index("FROM") :]
    values = dict(last)
    assert values["USER"].strip() not in ("root", "0")
    assert "/healthz" in values["HEALTHCHECK"] and values["STOPSIGNAL"] == "SIGTERM"
    # The form of a list: signals reach vadkit, not a shell.
    assert values["ENTRYPOINT"].startswith("[") and values["CMD"].startswith("[")
    for _, value in (one for one in found if one[0] == "RUN"):
        assert "sudo" not in value and "curl | sh" not in value
        if "apt-get install" in value:
            assert "--no-install-recommends" in value and "rm -rf /var/lib/apt/lists" in value
    assert "whl/cpu" in DOCKERFILE.read_text()
    assert {name for name, _ in found} <= {
        *("FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE"),
        *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
