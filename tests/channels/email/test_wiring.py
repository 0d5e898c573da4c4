"""Which mail channel the settings make, and mistakes in them that are named at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channels.email.wiring import build_bounces, build_carrier, build_mail
from cli.doctor import Level, examine
from core.clock import FixedClock
from core.database import Database
from core.errors import ConfigurationError
from core.settings import Settings
from tests.smtp_server import mail_server


def with_mail(tmp_path: Path, **values: Any) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, secret_key="only-for-tests", **values)


def test_without_a_server_mail_is_kept(tmp_path: Path) -> None:
    settings = with_mail(tmp_path)
    assert build_carrier(settings) is None
    assert build_bounces(settings) is None


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_url": "smtp://mail.example.org"},
        {"smtp_url": "http://mail.example.org", "mail_from": "a@example.org"},
        {"smtp_url": "smtp://mail.example.org", "mail_from": "nobody"},
        {"smtp_url": "smtp://mail.example.org", "mail_from": "a@example.org", "dkim_key_file": "key.pem"},
        {"smtp_url": "smtp://mail.example.org", "mail_from": "a@example.org", "dkim_selector": "s"},
        {"bounce_url": "imaps://u:p@mail.example.org"},
        {"bounce_url": "pop3://u:p@mail.example.org", "mail_from": "a@example.org"},
    ],
)
def test_a_mistake_is_named(tmp_path: Path, clock: FixedClock, values: dict[str, str]) -> None:
    settings = with_mail(tmp_path, **values)

    def build() -> None:
        build_mail(settings, Database("sqlite+aiosqlite://"), clock)
        build_bounces(settings)

    with pytest.raises(ConfigurationError):
        build()


async def test_the_doctor_says_whether_mail_can_be_sent(tmp_path: Path, unused_port: int) -> None:
    async def mail_findings(**values: str) -> list[tuple[Level, str]]:
        findings = await examine(with_mail(tmp_path, **values))
        return [
            (finding.level, finding.text) for finding in findings if "ail" in finding.text and "HUB_" in finding.text
        ]

    [(level, _)] = await mail_findings()
    assert level is Level.HINT
    away = {"smtp_url": f"smtp://hub:secret@127.0.0.1:{unused_port}", "mail_from": "a@example.org"}
    [(level, words)] = await mail_findings(**away)
    assert level is Level.WRONG
    assert "secret" not in words
    [(level, words)] = await mail_findings(smtp_url="smtp://127.0.0.1")
    assert level is Level.WRONG
    async with mail_server() as stand:
        assert await mail_findings(smtp_url=f"smtp://127.0.0.1:{stand.port}", mail_from="a@example.org") == []
