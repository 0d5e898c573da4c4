"""What the team wrote is learnt when it has settled, once, and given up when nothing of it is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rasa.shared.data import is_nlu_file
from rasa.shared.nlu.training_data.loading import load_data

from rasa_components import retraining
from rasa_components.labels import read_labelled_messages
from rasa_components.team_examples import QUIET, Teacher, fetch

TOKEN = "the assistant's"
DATA = """\
version: '3.1'
nlu:
- intent: ask_entry
  metadata:
    entry: answer/interpreters
    language: en
  examples: '- who pays

    - do we get interpreters for free

    '
"""
"""As the hub writes it (knowledge/written/lessons.py)."""


class Hub:
    """The hub with the team's examples; ``mark`` names their content."""

    def __init__(self) -> None:
        self.mark = ""
        self.age = QUIET
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers["X-Hub-Internal"] != TOKEN or self.path != "/internal/rasa/examples":
                    self.send_error(404)
                    return
                same = self.headers["If-None-Match"] == f'"{hub.mark}"'
                self.send_response(304 if same else 200)
                self.send_header("ETag", f'"{hub.mark}"')
                self.send_header("X-Changed-Seconds-Ago", str(int(hub.age)))
                self.end_headers()
                if not same:
                    self.wfile.write(DATA.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()
    monkeypatch.setenv("HUB_INTERNAL_URL", f"http://127.0.0.1:{hub.server.server_port}")
    monkeypatch.setenv("HUB_INTERNAL_TOKEN", TOKEN)
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


class Trainings:
    """Stands in for the training; a model appears under the name that the hub's mark asks for."""

    def __init__(self, hub: Hub, out: Path) -> None:
        self.count = 0
        self.works = True
        self._hub = hub
        self._out = out

    def __call__(self) -> bool:
        self.count += 1
        if self.works:
            (self._out / f"assistant-{self._hub.mark}.tar.gz").write_bytes(b"new")
        return self.works


@pytest.fixture
def built(tmp_path: Path) -> Path:
    path = tmp_path / "assistant.tar.gz"
    path.write_bytes(b"of the image")
    os.utime(path, (1000, 1000))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_it_is_learnt_once_when_it_has_settled(hub: Hub, out: Path, built: Path) -> None:
    trainings = Trainings(hub, out)
    teacher = Teacher(out, trainings, built=built)
    assert not teacher.step()
    hub.mark, hub.age = "abc", QUIET - 1
    assert not teacher.step()
    hub.age = QUIET
    assert teacher.step()
    assert not teacher.step()
    assert not Teacher(out, trainings, built=built).step()
    assert trainings.count == 1


def test_what_cannot_be_learnt_is_tried_again_only_when_it_changes(hub: Hub, out: Path, built: Path) -> None:
    trainings = Trainings(hub, out)
    teacher = Teacher(out, trainings, built=built)
    hub.mark, trainings.works = "abc", False
    assert [teacher.step(), teacher.step(), trainings.count] == [False, False, 1]
    hub.mark, trainings.works = "def", True
    assert teacher.step()


def test_when_nothing_of_the_team_is_left_the_images_model_comes_back(hub: Hub, out: Path, built: Path) -> None:
    trainings = Trainings(hub, out)
    teacher = Teacher(out, trainings, built=built)
    hub.mark = "abc"
    assert teacher.step()
    os.utime(out / "assistant-abc.tar.gz", (2000, 2000))
    hub.mark = ""
    assert teacher.step()
    newest = max(out.glob("[!.]*.tar.gz"), key=lambda path: path.stat().st_mtime)
    assert newest.read_bytes() == b"of the image"
    assert not teacher.step()


def test_a_newer_image_learns_the_same_again(hub: Hub, out: Path, built: Path) -> None:
    trainings = Trainings(hub, out)
    hub.mark = "abc"
    assert Teacher(out, trainings, built=built).step()
    os.utime(out / "assistant-abc.tar.gz", (500, 500))
    assert Teacher(out, trainings, built=built).step()
    assert trainings.count == 2


def test_rasa_reads_the_hubs_file_as_examples_of_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "team.yml"
    path.write_text(DATA, encoding="utf-8")
    assert is_nlu_file(path)
    read = [
        (each.meaning.label, each.meaning.intent, each.language, each.message.get("text"))
        for each in read_labelled_messages(load_data(str(path)))
    ]
    assert read == [
        ("answer/interpreters", "ask_entry", "en", "who pays"),
        ("answer/interpreters", "ask_entry", "en", "do we get interpreters for free"),
    ]


def test_a_stranger_gets_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_INTERNAL_TOKEN", "wrong")
    with pytest.raises(OSError, match="404"):
        fetch()


def test_a_training_in_a_container_takes_the_hubs_examples_and_is_named_by_them(hub: Hub, out: Path) -> None:
    hub.mark = "abc"
    given: list[str] = []

    def run_rasa(arguments: list[str]) -> None:
        given.extend(arguments)
        added = Path(next(word for word in arguments if word.endswith("team.yml")))
        assert added.read_text(encoding="utf-8") == DATA
        name = arguments[arguments.index("--fixed-model-name") + 1]
        (out / f"{name}.tar.gz").write_bytes(b"new")

    retraining.retrain(["--out", str(out)], run_rasa)
    assert [path.name for path in out.iterdir()] == ["assistant-abc.tar.gz"]
