"""Settings: the fixed names, one line of why each, and a secret key that is made once."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from core.settings import PROJECT_ROOT, Settings

FIXED = (
    "HUB_DATABASE_URL HUB_BROKER_URL HUB_SMTP_URL HUB_MAIL_FROM HUB_TELEGRAM_TOKEN HUB_TELEGRAM_API_URL "
    "HUB_TELEGRAM_WEBHOOK_URL HUB_PUBLIC_URL HUB_SECRET_KEY HUB_DATA_DIR HUB_HOST HUB_PORT HUB_ASSISTANT_URL "
    "HUB_REDIS_URL HUB_TRUSTED_PROXIES HUB_EMBED_ORIGINS HUB_TEAM_ADDRESS HUB_DKIM_KEY_FILE HUB_DKIM_SELECTOR "
    "HUB_BOUNCE_URL"
).split()


def test_the_example_file_lists_exactly_the_settings() -> None:
    listed = re.findall(r"^#?\s?(HUB_\w+)=", (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(f"HUB_{name.upper()}" for name in Settings.model_fields)
    assert set(listed) <= set(FIXED) | {
        "HUB_CALENDAR_ADDRESS",
        "HUB_INTERNAL_TOKEN",
        "HUB_MODELS_DIR",
        "HUB_TRANSLATION_INDEX",
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://hub:pw@db/hub", "postgresql+asyncpg://hub:pw@db/hub"),
        ("postgres://db/hub", "postgresql+asyncpg://db/hub"),
        ("sqlite:////tmp/x.sqlite3", "sqlite+aiosqlite:////tmp/x.sqlite3"),
    ],
)
def test_a_plain_database_address_gets_its_async_driver(settings: Settings, url: str, expected: str) -> None:
    changed = Settings(_env_file=None, **(settings.model_dump() | {"database_url": url}))
    assert changed.async_database_url == expected


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    key = settings.load_secret_key()
    assert settings.load_secret_key() == key
    assert len(key) >= 48
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600
