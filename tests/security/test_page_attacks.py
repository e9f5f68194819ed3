"""The page of `vadkit watch` against hostile requests and clients that never finish one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")

from vadkit.errors import RecipeError
from vadkit.reports.live_board import Board
from vadkit.reports.live_page import application, open_page
from vadkit.reports.live_server import make_server, serve

TOKEN = "a-token-of-some-length"
HOSTILE_NAME = "gate\x1b[31m\udcff\u202e[red]"
EVENT = {"id": "x", "kind": "alarm", "source": HOSTILE_NAME, "state": "begun", "message": "\x07"}


def board():
    made = Board([HOSTILE_NAME, "yard"])
    made.cameras["yard"].picture = b"picture"
    made.event(EVENT, b"snapshot")
    return made


def ask(app, path, *, headers=((b"host", b"localhost"),), query=b"", method="GET"):
    """Status and body of a request as the server would hand it on; raises what the app raises."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    body = b"".join(one.get("body", b"") for one in sent)
    return sent[0]["status"], body


def app(token=None):
    closing = threading.Event()
    closing.set()
    return application(board(), token, closing)


@pytest.mark.parametrize("place", ["9" * 5000, "-1", "2", "0", "²", "٣", "1e3", "1.0", "01", ""])
def test_a_missing_picture_is_404(place):
    assert ask(app(), f"/frame/{place}.jpg")[0] == 404
    assert ask(app(), "/frame/1.jpg") == (200, b"picture")
    assert ask(app(), "/snapshot/x.jpg") == (200, b"snapshot")


BYTES = st.one_of(st.binary(max_size=200), st.text(max_size=60).map(lambda t: t.encode()))
PATHS = st.one_of(
    st.sampled_from(["/", "/state.json", "/events", "/watch.js", "/snapshot/x.jpg"]),
    st.text(max_size=80).map(lambda t: "/" + t),
    st.text(max_size=80).map(lambda t: f"/frame/{t}.jpg"),
    st.text(max_size=80).map(lambda t: f"/snapshot/{t}.jpg"),
    st.integers(0, 6000).map(lambda n: "/frame/" + "1" * n + ".jpg"),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"host", b"cookie", b"authorization", b"x", b"range", b"content-length"]),
        st.one_of(
            BYTES,
            BYTES.map(lambda value: b"vadkit-watch=" + value),
            BYTES.map(lambda value: b"Bearer " + value),
            st.just(b"localhost"),
        ),
    ),
    max_size=6,
)
QUERIES = st.one_of(BYTES, BYTES.map(lambda value: b"token=" + value), st.just(b"a=b&" * 5000))


@settings(max_examples=400, deadline=None)
@given(path=PATHS, headers=HEADERS, query=QUERIES, method=st.sampled_from(["GET", "HEAD", "POST"]))
@pytest.mark.parametrize("token", [None, TOKEN])
def test_no_request_is_an_error_of_ours(token, path, headers, query, method):
    status, body = ask(APPS[token], path, headers=headers, query=query, method=method)
    assert status in (200, 303, 401, 404, 405, 421)
    if token is not None:
        assert status in (401, 303) and b"picture" not in body


APPS = {token: app(token) for token in (None, TOKEN)}


@pytest.mark.parametrize("other", [b"evil.example", b"\xff", b"[::2]", b"127.0.0.1.evil.example"])
def test_one_of_two_hosts_is_another_name(other):
    for hosts in ([b"localhost", other], [other, b"localhost"]):
        headers = [(b"host", host) for host in hosts]
        assert ask(app(), "/state.json", headers=headers)[0] == 421


def test_text_on_the_page_is_printable():
    status, body = ask(app(), "/state.json")
    assert status == 200
    assert rb"gate\\x1b[31m\\xff\\u202e[red]" in body and rb"\u001b" not in body


@pytest.mark.parametrize(
    "token", ["tökensüberlangerer", "with a space in the middle", "\udcff" * 20]
)
def test_a_token_that_no_header_can_contain_is_refused(token):
    with pytest.raises(RecipeError, match="a token must consist of ASCII"):
        open_page("0", token)


@contextlib.contextmanager
def serving(**limits):
    closing = threading.Event()
    server = make_server(application(board(), None, closing), **limits)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(server, listening), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            closing.set()
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


def closed_after(sent, port, *, trickle=b"", seconds=10.0):
    """Seconds until the server closes a connection that sent ``sent`` and no more."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(sent)
        client.settimeout(0.05)
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            try:
                if trickle:
                    client.sendall(trickle)
                if not client.recv(65536):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return time.monotonic() - started


@pytest.mark.parametrize(
    ("sent", "trickle"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: local", b""),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
        (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", b"x"),
    ],
)
def test_a_request_that_is_never_complete_is_closed(sent, trickle):
    with serving(request_s=0.5) as port:
        assert 0.2 < closed_after(sent, port, trickle=trickle) < 3


def test_viewers_of_the_page_stay_connected():
    with (
        serving(request_s=0.3) as port,
        httpx.stream("GET", f"http://127.0.0.1:{port}/events", timeout=5) as answer,
    ):
        started, lines = time.monotonic(), answer.iter_lines()
        while time.monotonic() - started < 2:
            next(lines)


def test_half_open_connections_are_bounded_and_let_others_in_again(capfd, caplog):
    with serving(most=8, request_s=4.0) as port:
        held = []
        for _ in range(200):
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", port), timeout=5)
                one.sendall(b"GET /state.json HTTP/1.1\r\n")
                held.append(one)
        time.sleep(0.3)
        alive = sum(is_open(one) for one in held)
        assert 1 <= alive <= 8
        answer = None
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.get(f"http://127.0.0.1:{port}/state.json")
                break
            time.sleep(0.1)
        assert answer is not None and answer.status_code == 200
        for one in held:
            one.close()
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def send(headers, body=b'{"a": 1}', token=None, action=None):
    """Status and body of a request for an action, and what the action was asked."""
    asked = []

    def note(data):
        asked.append(data)
        return action(data) if action else {"done": True}

    with open_page("0", token).serve(board(), {"/act": note}) as address:
        answer = httpx.request("POST", f"{address}act", content=body, headers=headers)
    said = answer.json() if "json" in answer.headers["content-type"] else {}
    return answer.status_code, said, asked


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "more",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1.evil.example:8700"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
    ],
)
def test_another_site_cannot_make_a_browser_act(more):
    status, said, asked = send(JSON | more)
    assert status in (403, 415) and "error" in said and asked == []


def test_actions_need_the_token_too_and_the_page_itself_may_act():
    assert send(JSON) == (200, {"done": True}, [{"a": 1}])
    assert send(JSON, token=TOKEN)[0] == 401
    bearer = JSON | {"authorization": f"Bearer {TOKEN}"}
    assert send(bearer, token=TOKEN)[2] == [{"a": 1}]
    wrong = JSON | {"host": "evil.example", "origin": "http://evil.example"}
    assert send(wrong)[0] == 421
    with open_page("0", None).serve(board(), {"/act": lambda data: data}) as address:
        own = JSON | {"origin": address.rstrip("/"), "sec-fetch-site": "same-origin"}
        assert httpx.post(f"{address}act", content=b"[1]", headers=own).json() == [1]
        assert httpx.get(f"{address}act").status_code == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[" * 50_000, 400), (b'"' + b"x" * (1 << 17) + b'"', 413)],
)
def test_what_is_not_json_or_too_large_does_nothing(body, status):
    found, said, asked = send(JSON, body)
    assert found == status and said["error"] and asked == []


def test_why_an_action_refuses_is_said_in_one_line():
    def refuse(data):
        raise RecipeError("no\x1b[31m\nway")

    status, said, _ = send(JSON, action=refuse)
    assert status == 400 and said == {"error": "no\\x1b[31m\\x0away"}

    def full(data):
        raise OSError(28, "No space left on device", "zones.json")

    assert "the disk is full" in send(JSON, action=full)[1]["error"]
