"""Every setting of the hub, typed, read once in app.py or the command line and passed on.

All are optional. The names with the prefix HUB_ are fixed (.env.example lists them with one line of why).
"""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent

DATABASES = ("postgresql://", "postgres://", "postgresql+asyncpg://", "sqlite:///", "sqlite+aiosqlite:///")
"""How the address of a database may begin."""


class Settings(BaseSettings):
    """Settings from the environment and from ``.env``."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_", env_file=PROJECT_ROOT / ".env", extra="ignore", env_ignore_empty=True
    )

    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    secret_key: SecretStr | None = None
    internal_token: SecretStr | None = None
    data_dir: Path = PROJECT_ROOT / "data"
    models_dir: Path = PROJECT_ROOT / "bot" / "models"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str | None = None
    assistant_url: str | None = None
    team_address: str | None = None
    telegram_token: SecretStr | None = None
    telegram_api_url: str | None = None
    telegram_webhook_url: str | None = None
    broker_url: SecretStr | None = None
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    dkim_key_file: str | None = None
    dkim_selector: str | None = None
    bounce_url: SecretStr | None = None
    calendar_address: str | None = None
    translation_index: str | None = None
    trusted_proxies: str = ""
    embed_origins: str = ""

    @field_validator("public_url", "assistant_url", "telegram_api_url", "telegram_webhook_url")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_or_networks(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            ip_network(part, strict=False)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(DATABASES):
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @property
    def address(self) -> str:
        """The hub's own address as seen from this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host
        return f"http://{host}:{self.port}"

    @property
    def translation_dir(self) -> Path:
        """Where language packages lie."""
        return self.data_dir / "translation"

    @property
    def learnt_models_dir(self) -> Path:
        """Where models lie that have learnt what the team wrote; with the team's other data, not with the code."""
        return self.data_dir / "models"

    @property
    def async_database_url(self) -> str:
        """The database as an SQLAlchemy address with an async driver."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.data_dir / 'hub.sqlite3'}"
        url = self.database_url.get_secret_value()
        for plain, driver in (
            ("postgres://", "postgresql+asyncpg://"),
            ("postgresql://", "postgresql+asyncpg://"),
            ("sqlite://", "sqlite+aiosqlite://"),
        ):
            if url.startswith(plain):
                return driver + url.removeprefix(plain)
        return url

    @property
    def trusted_proxy_addresses(self) -> frozenset[str]:
        """Peers, or networks of peers, whose X-Forwarded-For is believed."""
        return frozenset(part.strip() for part in self.trusted_proxies.split(",") if part.strip())

    @property
    def embed_origin_list(self) -> list[str]:
        """Sites that may show the chat in a frame of theirs."""
        return [part.strip().rstrip("/") for part in self.embed_origins.replace(",", " ").split() if part.strip()]

    def load_secret_key(self) -> str:
        """The key that signs and seals; made once in the data folder (0600) when none is set."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        path = self.data_dir / "secret_key"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key := secrets.token_urlsafe(48))
        return key
