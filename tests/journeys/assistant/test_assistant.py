"""Whole paths through the real hub and the real Rasa, over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from core.settings import PROJECT_ROOT
from tests.journeys.assistant.conftest import WholeHub, wait_until_ready


class Chat:
    """One conversation over the API."""

    def __init__(self, hub: WholeHub, language: str | None = None) -> None:
        self.url = hub.url
        self.language = language
        self.sender: str | None = None

    def say(self, text: str, city: str | None = None) -> dict[str, Any]:
        body = {"sender": self.sender, "message": text, "language": self.language, "city": city}
        response = httpx.post(f"{self.url}/api/chat", json=body, timeout=30, trust_env=False)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        self.sender = answer["sender"]
        return answer


def answers(answer: dict[str, Any]) -> list[str]:
    return [reply["answer"] for reply in answer["replies"] if reply["answer"]]


@pytest.mark.parametrize(
    ("language", "text", "entry"),
    [
        ("en", "Where can I download the anti-rumours handbook?", "tool/icc-anti-rumours-handbook"),
        ("fr", "où trouver le pack de bienvenue pour les nouvelles villes ?", "tool/icc-welcome-pack"),
        ("it", "dove trovo il welcome pack?", "tool/icc-welcome-pack"),
        ("ar", "أين أجد دليل مكافحة الشائعات؟", "tool/icc-anti-rumours-handbook"),
    ],
)
def test_a_question_gets_its_entry_in_its_language(whole_hub: WholeHub, language: str, text: str, entry: str) -> None:
    answer = Chat(whole_hub).say(text)
    assert answer["language"] == language
    assert answers(answer)[0] == entry
    assert answer["replies"][0]["language"] == language
    assert answer["replies"][0]["links"][0]["url"].startswith("http")


def test_a_follow_up_keeps_its_subject_through_rasa(whole_hub: WholeHub) -> None:
    chat = Chat(whole_hub, "en")
    chat.say("/tool/icc-index")
    assert answers(chat.say("who is it for?")) == ["tool/icc-index"]
    assert answers(chat.say("in which languages does it exist?")) == ["tool/icc-index"]


def test_services_of_a_place_and_then_of_another(whole_hub: WholeHub) -> None:
    chat = Chat(whole_hub, "it")
    assert answers(chat.say("a chi mi rivolgo a Torino contro il razzismo?"))[0] == "service/it-torino-nodo"
    assert answers(chat.say("e a Bologna?"))[0] == "service/it-bologna-spad"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("it", "il padrone di casa ha detto che non affitta agli stranieri"),
        ("fr", "le videur nous a refusé l'entrée parce que nous sommes noirs"),
        ("en", "the landlord told me he does not rent to foreigners"),
        ("ar", "رفض صاحب البيت أن يؤجرني لأنني أجنبي"),
    ],
)
def test_telling_of_discrimination_is_recognised_from_indirect_words(
    whole_hub: WholeHub, language: str, text: str
) -> None:
    assert answers(Chat(whole_hub, language).say(text))[0] == "flow/report"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "will it rain in Limassol?"),
        ("fr", "quel temps fera-t-il à Limassol ?"),
        ("it", "che tempo fa a Limassol?"),
    ],
)
def test_something_outside_the_subject_gets_an_honest_no(whole_hub: WholeHub, language: str, text: str) -> None:
    answer = Chat(whole_hub, language).say(text)
    assert not answer["understood"]
    assert answer["replies"][0]["buttons"]


def test_a_handoff_is_answered_from_the_command_line_and_comes_back(whole_hub: WholeHub) -> None:
    chat = Chat(whole_hub, "en")
    chat.say("/flow/handoff")
    chat.say("How many months before the end do we have to give notice?")
    chat.say("/confirm")
    [handoff] = run_command(whole_hub, "handoff", "list", "--json")
    assert handoff["question"] == "How many months before the end do we have to give notice?"
    run_command(whole_hub, "handoff", "answer", str(handoff["id"]), "We will look it up.", parse=False)
    late = httpx.get(f"{chat.url}/api/chat/replies", params={"sender": chat.sender or ""}, trust_env=False).json()
    assert "We will look it up." in late["replies"][0]["text"]


def test_ask_prints_the_same_json_as_the_api(whole_hub: WholeHub) -> None:
    answer = run_command(whole_hub, "ask", "/tool/icc-index", "--language", "fr", "--json")
    assert answer["language"] == "fr"
    assert answers(answer) == ["tool/icc-index"]


def test_fifty_conversations_at_once_get_each_their_own_answer(whole_hub: WholeHub) -> None:
    entries = [entry["id"] for entry in httpx.get(f"{whole_hub.url}/api/knowledge", trust_env=False).json()["entries"]][
        :50
    ]

    def converse(entry: str) -> bool:
        chat = Chat(whole_hub, "en")
        return all(answers(chat.say(f"/{entry}"))[:1] == [entry] for _ in range(3))

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(converse, entries))


def test_messages_of_one_conversation_are_answered_in_order(whole_hub: WholeHub) -> None:
    chat = Chat(whole_hub, "en")
    chat.say("/tool/icc-index")

    def follow(_: int) -> list[str]:
        return answers(chat.say("who is it for?"))

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(follow, range(10))) == [["tool/icc-index"]] * 10


def offered(answer: dict[str, Any]) -> set[str]:
    return {button["payload"].lstrip("/") for reply in answer["replies"] for button in reply["buttons"]}


def test_the_hub_goes_on_without_the_assistant_and_recovers_by_itself(whole_hub: WholeHub) -> None:
    supervisor = psutil.Process(whole_hub.process.pid)
    [assistant] = [child for child in supervisor.children() if "rasa_components" in " ".join(child.cmdline())]
    assistant.kill()
    chat = Chat(whole_hub, "en")
    away = chat.say("anti-rumours handbook")
    assert "tool/icc-anti-rumours-handbook" in offered(away), "what its words find"
    assert "flow/report" in offered(away), "and always a way to help"
    assert answers(chat.say("/tool/icc-index")) == ["tool/icc-index"]
    wait_until_ready(whole_hub)
    assert answers(Chat(whole_hub, "en").say("Where can I download the anti-rumours handbook?"))


def test_logs_hold_no_word_of_what_people_write(whole_hub: WholeHub) -> None:
    Chat(whole_hub, "en").say("my neighbour Zebulon throws quinces at my hijab")
    logs = "".join(path.read_text(encoding="utf-8") for path in (whole_hub.data_dir / "logs").iterdir())
    assert "quinces" not in logs
    assert "Zebulon" not in logs


def test_ctrl_c_twice_ends_everything_within_ten_seconds(whole_hub: WholeHub, tmp_path: Any) -> None:
    from tests.services import free_port

    environment = os.environ | {"HUB_PORT": str(free_port()), "HUB_DATA_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "cli", "serve"], cwd=PROJECT_ROOT, env=environment)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(psutil.Process(process.pid).children()) < 2:
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 10
    assert not any(child.is_running() for child in children)


def run_command(hub: WholeHub, *words: str, parse: bool = True) -> Any:
    environment = os.environ | {"HUB_PORT": hub.url.rpartition(":")[2], "HUB_DATA_DIR": str(hub.data_dir)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout) if parse else done.stdout
