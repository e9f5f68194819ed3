"""What people write on the command line, and the sources behind it."""

import shutil

import pytest

import vadkit
from vadkit.addresses import mask_address
from vadkit.errors import DataError, RecipeError
from vadkit.inference.sources.files import FileSource
from vadkit.inference.sources.find import find_sources
from vadkit.inference.sources.live import UrlSource
from vadkit.inference.sources.standard_input import StandardInput


@pytest.fixture
def archive(clip, tmp_path):
    for place in ("a/one.mp4", "b/one.mp4", "b/two.mp4"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copyfile(clip, tmp_path / place)
    return tmp_path


def test_files_folders_and_patterns(archive):
    found = find_sources([str(archive / "b/two.mp4"), str(archive / "*/one.mp4")])
    assert list(found) == ["two", "one", "one-2"]
    assert [source.path for source in found.values()] == [
        archive / "b/two.mp4",
        archive / "a/one.mp4",
        archive / "b/one.mp4",
    ]
    assert {name: source.name for name, source in found.items()} == {n: n for n in found}
    # A folder of folders, each file once.
    assert len(find_sources([str(archive), str(archive / "a/one.mp4")])) == 3


def test_streams_and_standard_input():
    address = "rtsp://user:secret@127.0.0.1/main"
    found = find_sources([address, "-", "stdin:8x8:gray"], {"url": {"stall_s": 3}})
    url, first, raw = found.values()
    assert isinstance(url, UrlSource) and isinstance(first, StandardInput)
    assert (url.stall_s, url.name, url.live) == (3, "rtsp://user:***@127.0.0.1/main", True)
    assert raw.name == "stdin-2"


def test_a_password_is_not_shown():
    assert mask_address("rtsp://a:b:c@h/x") == "rtsp://a:***@h/x"
    assert mask_address("rtsp://a@h/x:y@z") == "rtsp://a@h/x:y@z"
    assert mask_address("http://h:80/x") == "http://h:80/x"


def test_a_source_of_a_plugin():
    @vadkit.register("sources", "test-card")
    class TestCard:
        """Bars."""

        live = False

        def __init__(self, address, *, bars: int = 8):
            self.name, self.bars = f"card {address}", bars

    (source,) = find_sources(["test-card:x"], {"test-card": {"bars": 3}, "url": {}}).values()
    assert (source.name, source.bars) == ("card x", 3)


def test_texts_that_match_nothing(tmp_path):
    with pytest.raises(DataError, match="as a pattern it matches nothing"):
        find_sources([str(tmp_path / "none*.mp4")])
    with pytest.raises(DataError, match="no camera at /dev/video977"):
        find_sources(["977"])
    with pytest.raises(DataError, match="did you mean 'stdin'"):
        find_sources(["stdim:640x480"])
    with pytest.raises(RecipeError, match="ftp:// is not supported; use one of: rtsp"):
        find_sources(["ftp://host/x"])
    with pytest.raises(RecipeError, match="has no host"):
        find_sources(["rtsp:///x"])


def test_addresses_of_files_are_as_written(clip):
    (source,) = find_sources([f"file:{clip}"]).values()
    assert isinstance(source, FileSource) and source.path == clip
