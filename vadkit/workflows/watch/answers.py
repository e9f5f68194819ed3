"""Answers to alarms on the page of ``watch``; they are kept with the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from vadkit.errors import RecipeError
from vadkit.reading import checked
from vadkit.workflows.answers import give_answer
from vadkit.workflows.past_events import keep_place

if TYPE_CHECKING:
    from vadkit.reports.live_board import Board
    from vadkit.workflows.detector import Detector


class _Sent(BaseModel):
    """An answer as the page sends it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    answer: str


class RunAnswers:
    """Keeps the answers of a page with the run, and shows them on the board."""

    def __init__(self, run: Path, detector: Detector, board: Board) -> None:
        self._run, self._detector, self._board = run, detector, board
        # An exported file has no place for answers.
        board.answerable = run.is_dir()

    def actions(self) -> dict[str, Callable[[Any], Any]]:
        """Return the actions of the page by path."""
        return {"/answer": self._answer} if self._board.answerable else {}

    def _answer(self, data: Any) -> Any:
        sent, board = checked(_Sent, data), self._board
        with board.lock:
            event = next((dict(one) for one in board.events if one["id"] == sent.id), None)
            picture = board.snapshots.get(sent.id)
        if event is None:
            raise RecipeError(
                f"the page no longer has this alarm; answer it with: vadkit feedback {self._run}"
            )
        if picture is None and (kept := board.media(sent.id, ".jpg")) is not None:
            picture = kept.read_bytes()
        for name in ("answer", "picture"):
            event.pop(name, None)
        given = give_answer(self._run, "event", sent.id, sent.answer, event, "page")
        board.answered(sent.id, given.answer)
        camera = event["source"] if len(board.cameras) > 1 else None
        ignores = self._detector.ignores
        keep_place(self._run, event, given.answer, picture, ignores=ignores, camera=camera)
        return {"answer": given.answer, "at": given.at}
