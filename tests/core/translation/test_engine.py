"""The process that translates: real argostranslate, its life, and what it cannot do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from core.clock import FixedClock
from core.settings import PROJECT_ROOT
from core.translation import index
from core.translation.engine import Engine, _environment
from core.translation.errors import PairMissingError, TranslationBusyError, TranslationError
from core.translation.translator import REMEMBERED_FOR, Translator
from tests.tiny_packages import install_tiny_packages

SAID, MEANT = "Taking part is free.", "La partecipazione è gratuita."
ITALIAN = ("en", "it")


def run_child(packages: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Code within the process that translates, once it is ready."""
    whole = "from core.translation import child\nimport sys\ntranslate = child._load()\n" + code
    return subprocess.run(
        [sys.executable, "-c", whole],
        env=_environment(packages),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def test_sentences_are_translated_directly_and_through_english(packages: Path) -> None:
    engine = Engine(packages)
    assert await engine.translate([SAID, "The programme"], ITALIAN) == [MEANT, "Il programma"]
    assert await engine.translate(["La participation est gratuite."], ("fr", "en", "it")) == [MEANT]
    with pytest.raises(PairMissingError):
        await engine.translate(["Ciao"], ("it", "fr"))
    await engine.close()
    assert engine.pid is None


async def test_a_sentence_that_breaks_the_model_comes_out_empty_and_harms_no_other(packages: Path) -> None:
    engine = Engine(packages)
    too_long = "The programme and " * 40
    assert await engine.translate([SAID, too_long], ITALIAN) == [MEANT, ""]
    await engine.close()


async def test_a_model_that_cannot_be_read_is_an_error_and_not_a_bad_translation(
    tmp_path: Path, clock: FixedClock
) -> None:
    install_tiny_packages(tmp_path)
    (tmp_path / "packages" / "en_it" / "model" / "model.bin").write_bytes(b"broken")
    translator = Translator(tmp_path, clock=clock)
    with pytest.raises(TranslationError) as raised:
        await translator.draft("The programme", SAID, source="en", target="it")
    assert raised.type is TranslationError
    await translator.close()


async def test_the_process_ends_after_quiet_time_and_comes_back(packages: Path) -> None:
    engine = Engine(packages, idle=timedelta(seconds=0.2))
    await engine.translate([SAID], ITALIAN)
    pid = engine.pid
    assert pid is not None
    for _ in range(100):
        if not psutil.pid_exists(pid):
            break
        await asyncio.sleep(0.05)
    assert not psutil.pid_exists(pid)
    assert await engine.translate([SAID], ITALIAN) == [MEANT]
    await engine.close()


async def test_a_process_that_dies_is_an_error_once_and_replaced(packages: Path) -> None:
    engine = Engine(packages)
    await engine.check()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    waiting = asyncio.create_task(engine.translate([SAID], ITALIAN))
    await asyncio.sleep(0.05)
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(TranslationError):
        await waiting
    assert await engine.translate([SAID], ITALIAN) == [MEANT]
    await engine.close()


async def test_a_process_that_hangs_is_ended_in_time(packages: Path) -> None:
    engine = Engine(packages, answer_within=timedelta(seconds=0.3))
    await engine.check()
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(TranslationError):
        await engine.translate([SAID], ITALIAN)
    assert time.monotonic() - begun < 5
    assert not psutil.pid_exists(pid)
    await engine.close()


async def test_closing_waits_for_nobody(packages: Path) -> None:
    engine = Engine(packages)
    await engine.check()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    waiting = asyncio.create_task(engine.translate([SAID], ITALIAN))
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await engine.close()
    assert time.monotonic() - begun < 5
    with pytest.raises(TranslationError):
        await waiting
    assert engine.pid is None


async def test_whoever_gives_up_waiting_leaves_no_answer_for_the_next(packages: Path) -> None:
    engine = Engine(packages)
    await engine.check()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(engine.translate(["The programme"], ITALIAN), 0.001)
    assert await engine.translate([SAID], ITALIAN) == [MEANT]
    await engine.close()


async def test_one_at_a_time_and_too_many_are_told_so(packages: Path) -> None:
    engine = Engine(packages, most_waiting=3)
    done = await asyncio.gather(*(engine.translate([SAID], ITALIAN) for _ in range(5)), return_exceptions=True)
    assert [isinstance(one, TranslationBusyError) for one in done] == [False] * 3 + [True] * 2
    assert done[:3] == [[MEANT]] * 3
    await engine.close()


def test_it_can_reach_no_network_and_write_no_file(packages: Path, tmp_path: Path) -> None:
    done = run_child(
        packages,
        f"""
import io, socket
child.serve(io.StringIO(""), io.StringIO())
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("example.org", 80),
    lambda: open({str(tmp_path / "leak")!r}, "w"),
    lambda: __import__("os").open({str(tmp_path / "leak")!r}, 65),
    lambda: __import__("subprocess").run(["true"]),
):
    try:
        attempt()
        print("done")
    except PermissionError:
        print("refused")
""",
    )
    assert done.stdout.split() == ["refused"] * 5, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_loads_neither_pytorch_nor_a_splitter_and_knows_the_same_index(packages: Path) -> None:
    done = run_child(
        packages,
        """
import json
from argostranslate import settings
loaded = [name for name in ("torch", "spacy", "onnxruntime") if name in sys.modules]
print(json.dumps([loaded, settings.remote_package_index]))
""",
    )
    assert json.loads(done.stdout) == [[], index.ADDRESS], done.stderr


async def test_what_is_translated_stands_in_no_file(packages: Path) -> None:
    engine = Engine(packages)
    await engine.translate([SAID], ITALIAN)
    await engine.close()
    for path in packages.rglob("*"):
        if path.is_file() and path.name != "sentencepiece.model":
            assert SAID.encode() not in path.read_bytes()


async def test_a_stray_setting_of_the_machine_does_not_reach_it(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOS_MODEL_PROVIDER", "LIBRETRANSLATE")
    monkeypatch.setenv("ARGOS_PACKAGES_DIR", "/nowhere")
    engine = Engine(packages)
    assert await engine.translate([SAID], ITALIAN) == [MEANT]
    await engine.close()


async def test_a_case_is_translated_line_by_line_and_remembered_for_minutes(
    translator: Translator, clock: FixedClock
) -> None:
    text = "Le propriétaire a dit que l'appartement était pris.\n\nC'est arrivé le 3 mars 2026 à Geneva."
    meant = "Il proprietario ha detto che l'appartamento non c'era più.\n\nÈ successo il 3 marzo 2026 a Ginevra."
    assert await translator.translate_plain(text, source="fr", target="it") == meant
    assert await translator.translate_plain(text, source="fr", target="it") == meant
    assert len(translator._remembered) == 1
    clock.at += REMEMBERED_FOR + timedelta(seconds=1)
    translator._forget(clock.now())
    assert translator._remembered == {}


async def test_a_message_is_drafted_with_everything_in_its_place(translator: Translator) -> None:
    body = """# Programme

We invite you to an online training on Anti-rumours handbook. There are 40 places.

- Please answer **before 3 May**.
- Read [the programme](https://example.org/a_b) before the meeting.
"""
    made = await translator.draft("An invitation to Geneva", body, source="en", target="it")
    assert made.subject == "Un invito a Ginevra"
    assert made.problems == []
    assert (
        made.body
        == """# Programma

Vi invitiamo a una formazione online su Manuale antirumori. Ci sono 40 posti.

- Rispondete **prima del 3 maggio**.
- Leggete [il programma](https://example.org/a_b) prima dell'incontro.
"""
    )
