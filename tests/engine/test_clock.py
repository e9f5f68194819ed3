"""The clock of training, and the position in the schedule that it gives."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_trainer import Interrupt, TwoRoles, make
from vadkit.engine.checkpoint import load_checkpoint
from vadkit.engine.clock import TrainClock, position
from vadkit.hooks.checkpoint import Checkpoint
from vadkit.hooks.hook import Hook
from vadkit.optim.schedulers import brought_down, constant

shares = st.floats(0, 2)


@given(epochs=st.integers(1, 500), done=shares, share=shares, more=st.floats(0, 1))
def test_the_position_is_the_share_that_is_further_on(epochs, done, share, more):
    place = position(done * epochs, epochs, share)
    assert 0 <= place <= epochs
    assert place == pytest.approx(epochs * min(1, max(done, share)))
    # It never goes back, whichever of the two goes on.
    assert position((done + more) * epochs, epochs, share) >= place
    assert position(done * epochs, epochs, share + more) >= place


@given(epochs=st.integers(1, 500), done=st.floats(0, 1))
def test_without_a_limit_the_position_is_the_number_of_epochs(epochs, done):
    clock = TrainClock(now=itertools.count().__next__)
    assert clock.read() == clock.read() == 0
    assert not clock.over
    assert position(done * epochs, epochs, clock.share) == done * epochs


@given(readings=st.lists(st.floats(0, 1e5), min_size=1), minutes=st.floats(1e-3, 1e4))
def test_the_clock_counts_from_its_first_reading(readings, minutes):
    times = iter(itertools.accumulate(readings))
    clock = TrainClock(minutes, now=lambda: next(times))
    read = [clock.read() for _ in readings]
    assert read == sorted(read)
    assert clock.seconds == pytest.approx(sum(readings[1:]))
    assert clock.over == (clock.seconds / (60 * minutes) >= 1)


class Ticking:
    """A clock of one second per reading."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


class Rates(Hook):
    def __init__(self):
        self.rates, self.ends = [], []

    def on_step_end(self, ctx):
        self.rates.append(ctx.learning_rates()["net"])

    def on_epoch_end(self, ctx):
        self.ends.append((ctx.epoch, ctx.step, ctx.ending, "loss" in ctx.logs))


def limited(path, minutes, *hooks, **settings):
    trainer = make(path, TwoRoles(), hooks=hooks, minutes=minutes, **settings)
    trainer.schedules = dict.fromkeys(["net", "critic"], brought_down(constant(3), 3))
    trainer.clock = TrainClock(minutes, now=Ticking())
    return trainer


def test_training_ends_in_the_middle_of_an_epoch_with_a_low_rate(tmp_path):
    rates = Rates()
    # One reading before the first epoch, one per step, and one after an epoch.
    trainer = limited(tmp_path, 10 / 60, rates, Checkpoint())
    trainer.fit()
    assert trainer.step == 9
    assert trainer.stop_reason == "train.minutes 0.166667 reached"
    assert trainer.epochs_done == 1.5
    # The time of the hooks after the last step counts, too.
    assert trainer.clock.seconds == 11
    assert rates.ends == [(1, 6, False, True), (2, 9, True, True)]
    assert rates.rates[0] == 1e-2
    assert rates.rates[-1] == pytest.approx(1e-2 * 0.1 / 0.2)
    assert rates.rates == sorted(rates.rates, reverse=True)
    assert load_checkpoint(tmp_path / "checkpoints" / "last.pt")["seconds"] == 11


def test_with_accumulation_training_ends_at_the_end_of_a_window(tmp_path):
    trainer = limited(tmp_path, 2.5 / 60, accumulate=2)
    trainer.fit()
    # Readings only at the ends of windows: after step 6, 3 s are used.
    assert trainer.step == 6
    assert trainer.stop_reason


def test_the_time_continues_through_a_resume(tmp_path):
    first = limited(tmp_path / "first", 10 / 60, Interrupt(4))
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    saved = load_checkpoint(tmp_path / "first" / "checkpoints" / "last.pt")
    assert saved["seconds"] == 4
    resumed = limited(tmp_path / "second", 10 / 60, Checkpoint())
    resumed.load_state_dict(saved)
    resumed.fit()
    assert resumed.step == 9
    # Nothing is left for a run that has used its time, and a longer limit continues it.
    ended = load_checkpoint(tmp_path / "second" / "checkpoints" / "last.pt")
    for minutes, steps in ((10 / 60, 9), (12 / 60, 10)):
        again = limited(tmp_path / str(steps), minutes)
        again.load_state_dict(ended)
        again.fit()
        assert again.step == steps


@pytest.mark.parametrize("minutes", [None, 20 / 60, 100])
def test_training_that_ends_by_its_epochs_is_not_stopped_early(minutes, tmp_path):
    rates = Rates()
    trainer = limited(tmp_path, minutes, rates)
    trainer.fit()
    assert (trainer.step, trainer.epochs_done, trainer.expected_steps) == (18, 3, 18)
    assert trainer.stop_reason is None
    assert rates.rates[-1] < 0.5e-2


def test_a_checkpoint_of_an_older_version_has_no_time(tmp_path):
    trainer = limited(tmp_path, 10)
    state = trainer.state_dict()
    del state["seconds"]
    trainer.load_state_dict(state)
    assert trainer.clock.seconds == 0
