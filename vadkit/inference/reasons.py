"""Why a place raised an alarm, in words: only what the method's numbers say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from vadkit.schedule import local_time

# A speed that is more times the usual one is called so without a number.
_MANY = 20.0
# From this share of the usual motion on, a way is the usual one.
_MOST = 0.6


@dataclass(frozen=True)
class Reason:
    """A kind of anomaly at the peak of a box: its score, and numbers from ``Method.explain``."""

    kind: str
    score: float
    values: Mapping[str, float] = field(default_factory=dict)


def said(reasons: Iterable[Reason], start: float, epoch: float | None = None) -> tuple[str, ...]:
    """Return the first reason of each kind in words; see ``in_words``."""
    first: dict[str, Reason] = {}
    for one in reasons:
        first.setdefault(one.kind, one)
    words = (in_words(one, start, epoch) for one in first.values())
    return tuple(dict.fromkeys(text for text in words if text))


def in_words(reason: Reason, start: float, epoch: float | None = None) -> str:
    """Return a reason in words, "" for a kind that has none.

    ``start`` is when the alarm began, on the source's clock, and ``epoch`` the Unix time of its
    time 0, if known.
    """
    words = _WORDS.get(reason.kind.rpartition(".")[2])
    return words(reason.values, _since(start, epoch)) if words is not None else ""


def _since(start: float, epoch: float | None) -> str:
    if epoch is not None:
        return f"since {local_time(epoch + start):%H:%M}"
    minutes, seconds = divmod(int(start), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"since {clock} of the video"


def _speed(values: Mapping[str, float], since: str) -> str:
    times = values.get("times", math.nan)
    if math.isinf(times):
        return "moving where nothing moved before"
    if not times > 1:
        # A high score in a place with little variation.
        return "other speed than usual here"
    if times > _MANY:
        return f"faster than usual here (more than {_MANY:.0f} times)"
    return f"faster than usual here ({times:.1f} times)"


def _direction(values: Mapping[str, float], since: str) -> str:
    if values.get("against", 0.0) >= _MOST:
        return "against the usual way"
    share = values.get("share", math.nan)
    if math.isnan(share):
        return "in an unusual direction"
    return f"in an unusual direction ({_percent(share)} of the motion here goes this way)"


def _percent(share: float) -> str:
    return "less than 1%" if share < 0.01 else f"{share:.0%}"


def _stillness(values: Mapping[str, float], since: str) -> str:
    return f"standing still where usually nothing does ({since})"


def _place(values: Mapping[str, float], since: str) -> str:
    return "never seen at this place"


def _light(values: Mapping[str, float], since: str) -> str:
    change = values.get("change", 0.0)
    if not change:
        return "other light than ever here"
    return f"{'brighter' if change > 0 else 'darker'} than ever here"


# By kind. `place` is a look, `light` the light of the whole picture with its `change`.
_WORDS: dict[str, Callable[[Mapping[str, float], str], str]] = {
    "speed": _speed,
    "direction": _direction,
    "stillness": _stillness,
    "place": _place,
    "light": _light,
}
