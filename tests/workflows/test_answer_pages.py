"""The pages of past events and of reviews: what they show, what they keep, and whom they refuse."""

from __future__ import annotations

import contextlib
import json
import threading

import httpx
import pytest

from vadkit.workflows.answers import give_answer, read_answers

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
from vadkit.reports.answer_page import answer_application
from vadkit.reports.live_page import open_page
from vadkit.workflows.answered.page import EventPage
from vadkit.workflows.review.review import Review

EVIL = "<img src=x onerror=alert(1)>"


@contextlib.contextmanager
def served(page, token=None):
    opened, closing = open_page("0", token), threading.Event()
    app = answer_application(page.items, page.media, page.answer, opened.token)
    with opened.serve_application(app, closing) as address:
        yield address


@pytest.fixture
def run(tmp_path):
    """A run with two events, one with files, and with two stretches of normal video."""
    events = tmp_path / "watch" / "events"
    events.mkdir(parents=True)
    lines = [
        {
            "id": f"gate-{number}",
            "kind": "alarm",
            "state": "over",
            "source": EVIL if number else "gate",
            "start": 1.0 + number,
            "end": 3.0,
            "peak_score": 7.0,
            "threshold": 5.0,
            "region": [1, 2, 30, 40],
            "reasons": ["faster than usual here (4.1 times)"],
            "part": "speed",
        }
        for number in range(2)
    ]
    (tmp_path / "watch" / "events.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    (events / "gate-0.jpg").write_bytes(b"\xff\xd8picture")
    (events / "gate-0.mp4").write_bytes(bytes(range(200)))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    review = tmp_path / "normal-review"
    review.mkdir()
    stretch = {"start": 0.5, "end": 1.5, "score": 6.0, "part": "speed", "picture": True}
    stretches = [
        {"id": f"{EVIL}@{n}-9", "video": EVIL, "frames": [n, 9], **stretch} for n in (0, 1)
    ]
    text = json.dumps({"threshold": 5.0, "stretches": stretches})
    (review / "stretches.json").write_text(text)
    (review / "1.jpg").write_bytes(b"\xff\xd8one")
    return tmp_path


def test_the_page_of_events_shows_and_answers_them(run):
    with served(EventPage(run)) as address:
        shown = httpx.get(f"{address}items.json").json()
        assert shown["title"] == "2 past alarms, 2 without an answer"
        first, other = shown["items"]
        assert (other["name"], other["picture"]) == (EVIL, False)
        assert first["facts"] == [
            "at 1.0 s",
            "2.0 s long",
            "peak 7 (alarm at 5)",
            "faster than usual here (4.1 times)",
        ]
        sent = httpx.post(f"{address}answer", json={"id": "gate-0", "answer": "false"})
        assert sent.json()["answer"] == "false"
        assert read_answers(run).last("event", "gate-0").by == "page"
        item = httpx.get(f"{address}items.json").json()["items"][0]
        assert item["answer"] == "false" and len(item["history"]) == 1
        picture = httpx.get(f"{address}media/gate-0.jpg")
        assert picture.content == b"\xff\xd8picture"
        assert picture.headers["content-type"] == "image/jpeg"
        part = httpx.get(f"{address}media/gate-0.mp4", headers={"range": "bytes=10-19"})
        assert part.status_code == 206 and part.content == bytes(range(10, 20))
        for path in ("/", "/answers.css", "/answers.js"):
            assert httpx.get(address.rstrip("/") + path).status_code == 200


def test_the_page_of_a_review_marks_stretches(run):
    with served(Review(run)) as address:
        items = httpx.get(f"{address}items.json").json()["items"]
        assert [one["id"] for one in items] == ["1", "2"]
        assert items[0]["facts"][-1] == "speed"
        sent = httpx.post(f"{address}answer", json={"id": "2", "answer": "not-normal"})
        assert sent.status_code == 200
        (mark,) = read_answers(run).valid("stretch")
        assert (mark.id, mark.answer, mark.record["frames"]) == (
            f"{EVIL}@1-9",
            "not-normal",
            [1, 9],
        )
        assert httpx.get(f"{address}media/1.jpg").content == b"\xff\xd8one"
        assert httpx.get(f"{address}media/2.jpg").status_code == 404


@pytest.mark.parametrize("kind", [EventPage, Review])
@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"id": "gate-0"},
        {"id": "gate-0", "answer": "maybe"},
        {"id": "../../secret", "answer": "right"},
        {"id": "0", "answer": "normal"},
        {"id": "99999999999999999999", "answer": "normal"},
        {"id": "1", "answer": "normal", "more": 1},
        {"id": {"x": 1}, "answer": "right"},
    ],
)
def test_answers_that_make_no_sense_are_refused(run, kind, data):
    with served(kind(run)) as address:
        answer = httpx.post(f"{address}answer", json=data)
    assert answer.status_code == 400 and answer.json()["error"]
    assert not (run / "answers.jsonl").exists()


@pytest.mark.parametrize("kind", [EventPage, Review])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"host": "evil.example"}, 421),
    ],
)
def test_another_site_can_give_no_answer(run, kind, headers, status):
    with served(kind(run)) as address:
        sent = {"content-type": "application/json", **headers}
        body = '{"id": "gate-0", "answer": "right"}'
        assert httpx.post(f"{address}answer", content=body, headers=sent).status_code == status
        assert httpx.get(f"{address}answer").status_code == 405
    assert not (run / "answers.jsonl").exists()


@pytest.mark.parametrize(
    "path",
    [
        "media/..%2f..%2fsecret.jpg",
        "media/../secret.jpg",
        "media/secret.jpg",
        "media/gate-0",
        "media/gate-0.jsonl",
        "media/events.jsonl",
        "answers.jsonl",
    ],
)
def test_only_files_of_events_are_served(run, path):
    with served(EventPage(run)) as address:
        assert httpx.get(address + path).status_code == 404


def test_a_token_is_needed_if_there_is_one(run):
    token = "a-token-of-sixteen-or-more"
    with served(EventPage(run), token) as address:
        for path in ("", "items.json", "media/gate-0.jpg"):
            assert httpx.get(address + path).status_code == 401
        sent = {"id": "gate-0", "answer": "right"}
        assert httpx.post(f"{address}answer", json=sent).status_code == 401
        bearer = {"authorization": f"Bearer {token}"}
        assert httpx.post(f"{address}answer", json=sent, headers=bearer).status_code == 200


def test_an_answer_that_cannot_be_written_is_not_saved_and_says_so(run):
    (run / "answers.jsonl").symlink_to(run / "elsewhere")
    with served(EventPage(run)) as address:
        answer = httpx.post(f"{address}answer", json={"id": "gate-0", "answer": "right"})
    assert answer.status_code == 400 and "was not kept" in answer.json()["error"]
    assert not (run / "elsewhere").exists()


def test_a_damaged_review_is_an_error_of_the_page(run):
    (run / "normal-review" / "stretches.json").write_text("{")
    with served(Review(run)) as address:
        assert "stretches.json" in httpx.get(f"{address}items.json").json()["error"]


def test_a_run_with_many_events_shows_the_newest(run):
    with (run / "watch" / "events.jsonl").open("a") as file:
        for number in range(2, 700):
            line = {"id": f"gate-{number}", "source": "gate", "start": float(number)}
            file.write(json.dumps(line) + "\n")
    give_answer(run, "event", "gate-5", "right", {})
    shown = EventPage(run).items()
    assert len(shown["items"]) == 500 and "newest 500 of 700" in shown["note"]
    assert shown["title"] == "700 past alarms, 699 without an answer"


def test_the_page_of_a_day_and_clips_of_no_other_file(run):
    from vadkit.errors import RecipeError
    from vadkit.reports.live_board import Board
    from vadkit.workflows.past_events import event_file

    page, board = EventPage(run), Board(["gate"])
    board.media = lambda id, ending: event_file(run, id, ending)
    with open_page("0", None).serve(board, {}, page.routes()) as address:
        part = httpx.get(f"{address}clip/gate-0.mp4", headers={"Range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, bytes(range(10)))
        for name in ("..%2f..%2fsecret", "%2e%2e%2fsecret", "gate-9", "x%00"):
            assert httpx.get(f"{address}clip/{name}.mp4").status_code == 404
            assert httpx.get(f"{address}snapshot/{name}.jpg").status_code == 404
        assert httpx.get(f"{address}past/items.json?day=2026-11-27").json()["items"] == []
        for day in ("yesterday", "2026-11-27' OR 1=1", "%00"):
            assert "not a day" in httpx.get(f"{address}past/items.json?day={day}").json()["error"]
    with pytest.raises(RecipeError, match="not a day"):
        page.of_day("9999-99-99")
