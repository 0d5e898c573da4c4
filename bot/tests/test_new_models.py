"""An assistant takes over the hub's newest model, and keeps the one that it has when anything goes wrong."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest

from rasa_components.new_models import ModelFollower

TOKEN = "the assistant's"


class Sides:
    """Both whom the follower talks to: the hub with its newest model, and Rasa, which loads one."""

    def __init__(self) -> None:
        self.model: bytes | None = b"old"
        self.loaded: list[bytes] = []
        self.asked = 0
        self.refuses = False
        sides = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sides.asked += 1
                if self.headers["X-Hub-Internal"] != TOKEN or sides.model is None:
                    self._answer(404)
                    return
                mark = f'"{hashlib.sha256(sides.model).hexdigest()}"'
                if self.headers["If-None-Match"] == mark:
                    self._answer(304)
                else:
                    self._answer(200, sides.model, ETag=mark)

            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if sides.refuses:
                    self._answer(500)
                    return
                sides.loaded.append(Path(body["model_file"]).read_bytes())
                self._answer(204)

            def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def sides() -> Iterator[Sides]:
    sides = Sides()
    threading.Thread(target=sides.server.serve_forever, daemon=True).start()
    yield sides
    sides.server.shutdown()
    sides.server.server_close()


@pytest.fixture
def follower(sides: Sides, tmp_path: Path) -> ModelFollower:
    present = tmp_path / "assistant.tar.gz"
    present.write_bytes(b"old")
    return ModelFollower(f"{sides.url}/internal/rasa/model", TOKEN, server=sides.url, present=present)


def test_the_model_that_it_started_with_is_not_loaded_again(follower: ModelFollower, sides: Sides) -> None:
    assert not follower.take_over()
    assert (sides.asked, sides.loaded) == (1, [])


def test_a_new_model_is_loaded_once(follower: ModelFollower, sides: Sides) -> None:
    sides.model = b"new"
    assert follower.take_over()
    assert not follower.take_over()
    assert sides.loaded == [b"new"]


def test_nothing_happens_while_the_hub_has_no_model(follower: ModelFollower, sides: Sides) -> None:
    sides.model = None
    assert not follower.take_over()
    assert sides.loaded == []


def test_a_model_that_rasa_does_not_take_is_tried_again(follower: ModelFollower, sides: Sides) -> None:
    sides.model, sides.refuses = b"new", True
    with pytest.raises(HTTPError):
        follower.take_over()
    sides.refuses = False
    assert follower.take_over()
    assert sides.loaded == [b"new"]
