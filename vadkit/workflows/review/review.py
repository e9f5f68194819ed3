"""The folder ``normal-review`` of a run: its most unusual normal video, for a person to judge."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from vadkit.errors import RecipeError, VadkitError
from vadkit.files import describe_os_error, write_json, write_text
from vadkit.reading import checked, read_json
from vadkit.recipe import Recipe
from vadkit.text import counted, printable
from vadkit.workflows.answered.page import Sent
from vadkit.workflows.answers import Answer, Answers, give_answer, read_answers
from vadkit.workflows.calibrate.reviewed import live_normal_scores
from vadkit.workflows.calibrate.saved import kept_calibrations, scores_of
from vadkit.workflows.progress import clip_progress, say
from vadkit.workflows.review.pictures import write_picture
from vadkit.workflows.review.stretches import unusual_stretches, video_paths
from vadkit.workflows.run import load_run

FOLDER = "normal-review"
_FILE = "stretches.json"
# The files of the page are beside it; `self` means nothing for a page that is opened as a file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src * file:; media-src * file:"
CHOICES = [
    {"answer": "normal", "label": "Normal", "help": "It belongs to normal video."},
    {"answer": "not-normal", "label": "Not normal", "help": "It should raise an alarm."},
    {"answer": "ignore", "label": "Ignore", "help": "It counts neither as normal nor as unusual."},
]


class Stretch(BaseModel):
    """A stretch of normal video in ``stretches.json``."""

    model_config = ConfigDict(extra="allow")

    id: str
    video: str
    frames: tuple[int, int]
    start: float
    end: float
    score: float
    part: str | None = None
    region: tuple[int, int, int, int] | None = None
    picture: bool = False


class _File(BaseModel):
    threshold: float
    stretches: list[Stretch]


class Review:
    """The stretches of a run and the answers about them."""

    def __init__(self, run: Path) -> None:
        self.run, self.folder = run, run / FOLDER

    @property
    def known(self) -> bool:
        """Whether the stretches were written."""
        return (self.folder / _FILE).is_file()

    def stretches(self) -> tuple[list[Stretch], float]:
        """Return the stretches, the most unusual first, and the alarm threshold."""
        found = read_json(self.folder / _FILE, _File, "make it again with `vadkit review`")
        file = checked(_File, found)
        return file.stretches, file.threshold

    def mark(self, id: str, answer: str, by: str = "command line") -> Answer:
        """Keep the mark of a stretch; raise ``RecipeError`` for an unknown one."""
        for one in self.stretches()[0]:
            if one.id == id:
                return give_answer(self.run, "stretch", id, answer, one.model_dump(), by)
        raise RecipeError(f"there is no stretch '{printable(id, 200)}'; see {self.folder}")

    def items(self) -> dict[str, Any]:
        """Return the stretches as JSON-like data for the page."""
        answers, (stretches, threshold) = read_answers(self.run), self.stretches()
        items = [_item(n, one, threshold, answers) for n, one in enumerate(stretches, start=1)]
        left = sum(item["answer"] is None for item in items)
        words = "stretch" if len(items) == 1 else "stretches"
        return {
            "kicker": "vadkit review",
            "title": f"{len(items)} unusual {words} of normal video, {left} without an answer",
            "note": "What is not normal, or ignored, leaves the calibration with the next vadkit "
            "update RUN, and the training with --refit.",
            "items": items,
        }

    def media(self, id: str, ending: str) -> Path | None:
        """Return the picture or the clip of a stretch, by its number; None if there is none."""
        if not (id.isdecimal() and len(id) < 5):
            return None
        path = self.folder / f"{id}{ending}"
        return path if path.is_file() and not path.is_symlink() else None

    def answer(self, data: Any) -> Any:
        """Keep an answer of the page."""
        sent = checked(Sent, data)
        stretches, _ = self.stretches()
        if not (sent.id.isdecimal() and 1 <= int(sent.id) <= len(stretches)):
            raise RecipeError(f"there is no stretch number '{printable(sent.id, 100)}'")
        given = self.mark(stretches[int(sent.id) - 1].id, sent.answer, "page")
        return {"answer": given.answer, "at": given.at}


def write_review(run: Path) -> Review:
    """Find the most unusual stretches of the normal video, and write pictures and a page.

    Raises ``RecipeError`` if the run has no calibration, whose scores are needed.
    """
    from vadkit.data.decoding.child import Worker
    from vadkit.workflows.detector import load_detector

    recipe = load_run(run)
    active = next((one for one in kept_calibrations(run) if one.current), None)
    if active is None:
        raise RecipeError(
            "the run has no alarm threshold, so its normal video has no scores; set one with: "
            f"vadkit calibrate {run}"
        )
    normal, review = scores_of(run, active.name), Review(run)
    live = live_normal_scores(recipe, normal, active.found)
    own = {name: values for name, values in live.items() if not name.startswith("false alarm ")}
    found = unusual_stretches(own, normal.rates, active.found.usual)
    paths = video_paths(recipe, normal)
    detector, records = load_detector(run), []
    with Worker() as worker, clip_progress("pictures of unusual normal video", len(found)) as done:
        for number, one in enumerate(found, start=1):
            record, path = one.record(), paths.get(one.video)
            if path is not None:
                seen = write_picture(detector, worker, one, path, review.folder, str(number))
                record |= {**seen, "picture": bool(seen)}
            records.append(Stretch.model_validate(record))
            done(1)
    file = _File(threshold=active.found.threshold, stretches=records)
    write_json(review.folder / _FILE, file.model_dump())
    write_text(review.folder / "index.html", _page(run, recipe, file))
    return review


def review_trained(run: Path) -> None:
    """Write the review after training, and say where it is; a failure is said and harms nothing."""
    try:
        review = write_review(run)
        stretches, threshold = review.stretches()
    except (OSError, VadkitError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else str(error)
        say(f"no review of the normal video: {reason}")
        return
    above = sum(one.score >= threshold for one in stretches)
    over = f", {above} of them over the alarm threshold" if above else ""
    say(
        f"the {counted(len(stretches), 'most unusual moment')} of the normal video{over}: "
        f"{review.folder / 'index.html'} (to mark them: vadkit review {run} --web 8700)"
    )


def _facts(one: Stretch, threshold: float) -> list[str]:
    minutes, seconds = divmod(one.start, 60)
    over = "over the alarm threshold" if one.score >= threshold else "alarm at"
    facts = [
        f"at {int(minutes)}:{seconds:04.1f}",
        f"{one.end - one.start:.1f} s long",
        f"score {one.score:.4g} ({over} {threshold:.4g})",
    ]
    return facts + ([one.part] if one.part else [])


def _item(number: int, one: Stretch, threshold: float, answers: Answers) -> dict[str, Any]:
    history = answers.history("stretch", one.id)
    return {
        "id": str(number),
        "name": f"{number}. {one.video}",
        "facts": _facts(one, threshold),
        "answer": history[-1].answer if history else None,
        "history": [{"answer": each.answer, "at": each.at} for each in history],
        "choices": CHOICES,
        "picture": one.picture,
        "clip": one.picture,
    }


def _page(run: Path, recipe: Recipe, file: _File) -> str:
    """Return a page that needs no server; it shows the stretches, but cannot keep answers."""
    from importlib.resources import files

    style = files("vadkit.reports").joinpath("html", "answers.css").read_text("utf-8")
    cards = []
    for number, one in enumerate(file.stretches, start=1):
        name, facts = (
            html.escape(printable(text))
            for text in (f"{number}. {one.video}", " · ".join(_facts(one, file.threshold)))
        )
        screen = "<p>no picture</p>"
        if one.picture:
            screen = (
                f'<video controls loop muted preload="none" poster="{number}.jpg" '
                f'src="{number}.mp4" aria-label="Clip of {name}"></video>'
            )
        cards.append(
            f'<li class="item"><div class="screen">{screen}</div>'
            f'<h2 class="name">{name}</h2><p class="facts muted">{facts}</p></li>'
        )
    title = html.escape(printable(f"{recipe.name}: the most unusual normal video"))
    command = html.escape(printable(f"vadkit review {run} --web 8700", 1000))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="{_POLICY}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><div><p class="kicker">vadkit review</p><h1>{title}</h1></div></header>
<main>
<p id="note" class="muted">These moments had the highest scores when the model had not seen them.
If one of them should raise an alarm, mark it: {command}</p>
<ol id="items">{"".join(cards)}</ol>
</main>
</body>
</html>
"""
