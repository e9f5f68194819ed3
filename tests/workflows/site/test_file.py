"""The file of a site: what it may say, and where secrets come from."""

from __future__ import annotations

import datetime
import stat

import pytest

from vadkit.errors import RecipeError
from vadkit.workflows.site.file import address_of, is_site, load_site, read_secrets

PLAIN = """\
name: depot
cameras:
  gate:
    source: rtsp://user:${GATE_PASSWORD}@10.0.0.7/main
    run: runs/gate
    schedule: [{hours: "20:00-06:00", run: runs/night}]
    alarms: {merge_s: 5}
  back yard: {source: "0", run: runs/gate}
"""


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(PLAIN)
    return path


def test_paths_are_beside_the_file_and_the_hour_chooses_the_run(site, tmp_path):
    found = load_site(site)
    assert found.out == tmp_path / "site-events" and found.keep.gib == 20
    gate = found.cameras["gate"]
    noon, night = datetime.datetime(2026, 11, 27, 12), datetime.datetime(2026, 11, 28, 2)
    assert gate.run_at(noon) == tmp_path / "runs" / "gate"
    assert gate.run_at(night) == tmp_path / "runs" / "night"
    assert [one.type for one in found.sinks_of("gate")] == ["snapshots"]
    assert is_site(site) and not is_site(tmp_path)


def test_every_fault_has_its_line(site):
    site.write_text(
        PLAIN.replace("run: runs/gate\n", "runn: x\n", 1)
        + "  a/b: {source: x, run: y, sinks: [{type: csvv}]}\nkeep: {days: -1}\n"
    )
    with pytest.raises(RecipeError) as caught:
        load_site(site)
    text = str(caught.value)
    assert "site.yaml:5" in text and "runn" in text and "keep.days" in text


def test_names_and_sinks_are_checked(site):
    site.write_text(PLAIN + "  a/b: {source: x, run: y, sinks: [{type: webhok}]}\n")
    with pytest.raises(RecipeError, match="use letters") as caught:
        load_site(site)
    assert "webhook" in str(caught.value)


def test_rules_of_alarms_are_checked_with_the_file(site):
    site.write_text(PLAIN + "  b: {source: x, run: y, alarms: {mrge_s: 5}}\n")
    with pytest.raises(RecipeError, match=r"site.yaml:\d+: cameras.b.alarms.mrge_s.*'merge_s'"):
        load_site(site)
    site.write_text("")
    with pytest.raises(RecipeError, match="a site needs 'cameras'"):
        load_site(site)


def test_secrets_come_from_a_private_file_or_the_environment(site, tmp_path, monkeypatch):
    gate = load_site(site).cameras["gate"]
    monkeypatch.delenv("GATE_PASSWORD", raising=False)
    with pytest.raises(RecipeError, match="GATE_PASSWORD is not set"):
        address_of("gate", gate, {})
    monkeypatch.setenv("GATE_PASSWORD", "one")
    assert address_of("gate", gate, {}) == "rtsp://user:one@10.0.0.7/main"
    path = tmp_path / "secrets.env"
    path.write_text("# passwords\n\nGATE_PASSWORD = 'two'\n")
    path.chmod(0o644)
    with pytest.raises(RecipeError, match="chmod 600"):
        read_secrets(path)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert address_of("gate", gate, read_secrets(path)) == "rtsp://user:two@10.0.0.7/main"
    path.write_text("the password is hunter2\n")
    with pytest.raises(RecipeError, match="line 1: not NAME=value") as caught:
        read_secrets(path)
    assert "hunter2" not in str(caught.value)
