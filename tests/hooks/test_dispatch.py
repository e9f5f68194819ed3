"""A hook that fails ends training, and silences nobody."""

import logging

import pytest

from vadkit.errors import RecipeError
from vadkit.hooks.checkpoint import Checkpoint
from vadkit.hooks.hook import Hook, in_order


class Breaks(Hook):
    slot = "measure"

    def __init__(self, event, error=ValueError):
        setattr(self, event, self._fail)
        self.error = error

    def _fail(self, *_):
        raise self.error("the plugin is wrong")


class Hears(Hook):
    def __init__(self):
        self.heard = []

    def on_epoch_end(self, ctx):
        self.heard.append("epoch end")

    def on_error(self, ctx, error):
        self.heard.append(f"{type(error).__name__}: {error}")

    def close(self):
        self.heard.append("closed")


def test_other_hooks_get_the_event_and_the_error_and_are_closed(make_trainer, tmp_path):
    hears = Hears()
    with pytest.raises(ValueError, match="the plugin is wrong") as caught:
        make_trainer(Breaks("on_epoch_end"), Checkpoint(), hears).fit()
    assert hears.heard == ["epoch end", "ValueError: the plugin is wrong", "closed"]
    assert (tmp_path / "run" / "checkpoints" / "last.pt").is_file()
    assert caught.value.__notes__ == ["raised by hook Breaks in on_epoch_end"]


@pytest.mark.parametrize("event", ["on_error", "close"])
def test_a_failure_at_the_end_hides_no_error(make_trainer, event, caplog):
    class Interrupts(Hook):
        def on_step_end(self, ctx):
            raise OSError(28, "No space left on device")

    hears = Hears()
    with caplog.at_level(logging.ERROR), pytest.raises(OSError, match="No space left"):
        make_trainer(Breaks(event), Interrupts(), hears).fit()
    assert hears.heard[-2:] == ["OSError: [Errno 28] No space left on device", "closed"]
    assert f"hook Breaks failed in {event}: ValueError: the plugin is wrong" in caplog.text


def test_every_hook_is_closed_after_a_good_end_too(make_trainer):
    hears = Hears()
    make_trainer(hears).fit()
    assert hears.heard == ["epoch end", "epoch end", "closed"]


def test_an_on_error_of_the_old_form_is_refused_with_what_to_write():
    class Old(Hook):
        def on_error(self, ctx):
            """Takes no error."""

    with pytest.raises(RecipeError, match=r"def on_error\(self, ctx, error\)"):
        in_order([Old()])
