"""Fetching language packages: the only part of the hub's translation that uses the network, and only when asked to.

The list is argostranslate's own (https://github.com/argosopentech/argospm-index).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from core.languages import SOURCE_LANGUAGE
from core.translation.errors import DownloadFailedError, PackageUnknownError, PackageWrongError
from core.translation.packages import LARGEST, Installed, Progress, install

ADDRESS = "https://raw.githubusercontent.com/argosopentech/argospm-index/main/index.json"
"""Where argostranslate itself looks (a test compares them)."""
LARGEST_INDEX = 10_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Available:
    """A package that can be fetched."""

    source: str
    target: str
    version: str
    links: tuple[str, ...]


def read_index(http: httpx.Client, address: str = ADDRESS) -> list[Available]:
    """What there is. Raises DownloadFailedError."""
    content = bytearray()
    for chunk in _stream(http, address, None, LARGEST_INDEX):
        content += chunk
    try:
        rows = httpx.Response(200, content=bytes(content)).json()
        return [_available(row) for row in rows if row.get("type", "translate") == "translate" and row.get("from_code")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DownloadFailedError(address=address, reason="index.json") from None


def choose(packages: Iterable[Available], language: str) -> list[Available]:
    """The newest packages from English to the language and back. Raises PackageUnknownError when there are none."""
    wanted = ((SOURCE_LANGUAGE, language), (language, SOURCE_LANGUAGE))
    newest: dict[tuple[str, str], Available] = {}
    for package in sorted(packages, key=lambda package: _version(package.version)):
        newest[package.source, package.target] = package
    found = [newest[pair] for pair in wanted if pair in newest]
    if not found:
        raise PackageUnknownError(language=language)
    return found


def fetch(http: httpx.Client, package: Available, folder: Path, *, progress: Progress | None = None) -> Installed:
    """Fetch a package and install it. Raises DownloadFailedError or PackageWrongError."""
    (folder / "incoming").mkdir(parents=True, exist_ok=True)
    reason: DownloadFailedError | PackageWrongError | None = None
    for link in package.links:
        with tempfile.NamedTemporaryFile(dir=folder / "incoming", suffix=".argosmodel") as file:
            try:
                for chunk in _stream(http, link, progress, LARGEST):
                    file.write(chunk)
                file.flush()
                return install(Path(file.name), folder, expect=(package.source, package.target))
            except (DownloadFailedError, PackageWrongError) as error:
                reason = error
    raise reason or DownloadFailedError(address="", reason="links")


def _available(row: dict[str, Any]) -> Available:
    links = tuple(str(link) for link in row.get("links", ()))
    return Available(str(row["from_code"]), str(row["to_code"]), str(row.get("package_version", "")), links)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in text.split("."))


def _stream(http: httpx.Client, address: str, progress: Progress | None, most: int) -> Iterable[bytes]:
    try:
        url = httpx.URL(address)
        with http.stream("GET", url, follow_redirects=True) as answer:
            if answer.url.scheme != "https" and answer.url.host not in _LOOPBACK:
                raise DownloadFailedError(address=address, reason="https")
            answer.raise_for_status()
            length = answer.headers.get("Content-Length", "")
            total, come = int(length) if length.isdecimal() else None, 0
            for chunk in answer.iter_bytes():
                come += len(chunk)
                if come > most:
                    raise DownloadFailedError(address=address, reason=f"> {most}")
                if progress is not None:
                    progress(come, total)
                yield chunk
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadFailedError(address=address, reason=str(error) or type(error).__name__) from None
