"""The file that ``vadkit init site`` writes."""

import pytest

from vadkit.errors import RecipeError
from vadkit.workflows.site.file import load_site
from vadkit.workflows.site.init import write_site


def test_it_is_a_site_with_the_cameras(tmp_path):
    cameras = ["gate=rtsp://u:${PW}@10.0.0.7/a?b=c: d", "back yard=0"]
    path = write_site(tmp_path / "site", cameras, tmp_path / "run")
    site = load_site(path)
    assert path == tmp_path / "site.yaml"
    assert {name: one.source for name, one in site.cameras.items()} == {
        "gate": "rtsp://u:${PW}@10.0.0.7/a?b=c: d",
        "back yard": "0",
    }
    assert site.cameras["gate"].run == tmp_path / "run" and site.keep.days == 30
    with pytest.raises(RecipeError, match="exists already"):
        write_site(path, cameras, None)


def test_without_cameras_it_shows_one_and_a_bad_name_leaves_no_file(tmp_path):
    assert list(load_site(write_site(tmp_path / "site", [], None)).cameras) == ["gate"]
    for text in ("gate", "a/b=0"):
        with pytest.raises(RecipeError):
            write_site(tmp_path / "other.yaml", [text], None)
    assert not (tmp_path / "other.yaml").exists()
