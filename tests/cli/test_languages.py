"""`icchub languages` and what `icchub doctor` says of them, as commands."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from tests.cli.test_commands import run
from tests.tiny_packages import ENGLISH_ITALIAN, FRENCH_ENGLISH


def test_packages_come_from_files_are_listed_and_go_again(tmp_path: Path) -> None:
    here = {"HUB_DATA_DIR": str(tmp_path)}
    assert "icchub languages install" in run("languages", "list", **here).stdout
    done = run("languages", "install", "--file", str(FRENCH_ENGLISH), "--file", str(ENGLISH_ITALIAN), **here)
    assert done.returncode == 0, done.stderr
    for file in (FRENCH_ENGLISH, ENGLISH_ITALIAN):
        assert sha256(file.read_bytes()).hexdigest() in done.stdout
    listed = {row["code"]: row for row in json.loads(run("languages", "list", "--json", **here).stdout)}
    assert (listed["fr"]["translates_to"], listed["en"]["translates_to"]) == (["en"], ["it"])
    examined = json.loads(run("doctor", "--json", **here).stdout)
    (finding,) = [one for one in examined if "Machine translation" in one["text"]]
    assert (finding["level"], "en→it, fr→en" in finding["text"]) == ("ok", True)
    assert run("languages", "remove", "en", "it", **here).returncode == 0
    assert run("languages", "remove", "en", "it", **here).returncode == 1


def test_a_wrong_file_and_an_index_that_does_not_answer_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.argosmodel").write_text("no zip", encoding="ascii")
    wrong = run("languages", "install", "--file", str(tmp_path / "x.argosmodel"), HUB_DATA_DIR=str(tmp_path))
    away = run(
        "languages", "install", "fr", HUB_DATA_DIR=str(tmp_path), HUB_TRANSLATION_INDEX="http://127.0.0.1:9/index.json"
    )
    for done in (wrong, away):
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert "no language package" in wrong.stderr
    assert "127.0.0.1:9" in away.stderr
