"""Every sentence that the back office names is there in English: of pages, of what was done, and of the trail."""

from __future__ import annotations

import re

from conversation.replies import Wording
from core.settings import PROJECT_ROOT

SAID = re.compile(r"""\bt\(\s*["']([a-z_]+(?:\.[a-z_]+)+)["']\s*[,)]""")
DONE = re.compile(r"""done=["']([a-z_]+)\.([a-z_]+)["']""")
ACT = re.compile(r"""\brecord\(\s*(?:session, [\w.]+, )?["']([a-z_]+)\.([a-z_]+)["']""")
NAV = re.compile(r"""\("/office[^"]*", "([a-z_.]+)",""")


def test_every_sentence_of_the_back_office_exists(wording: Wording) -> None:
    known = wording.texts.keys("en")
    named: set[str] = set()
    for folder in ("web/office", "web/templates/office", "identity"):
        for path in (PROJECT_ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".html"}:
                text = path.read_text(encoding="utf-8")
                named |= {*SAID.findall(text), *NAV.findall(text)}
                named |= {f"{subject}.done.{what}" for subject, what in DONE.findall(text)}
                named |= {f"{subject}.act.{what}" for subject, what in ACT.findall(text)}
    assert len(named) > 150
    # The example of how a part is written.
    named -= {"thing.done.saved", "thing.act.changed"}
    assert {key for key in named if key not in known and f"page.{key}" not in known} == set()
