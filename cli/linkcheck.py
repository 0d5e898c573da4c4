"""Checking every address of the knowledge base and of the team's answers, politely.

Few sites at once, one page at a time, twice on a fault.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.progress import Progress

from cli.words import say
from core.languages import RELEASED
from knowledge.base import Entry, KnowledgeBase
from knowledge.page_links import page_for_reader
from knowledge.schema import AnswerText

TIMEOUT = 20.0
SITES_AT_ONCE = 8
PAUSE = 0.5
"""Seconds between two requests to one site."""
AGENT = "icc-hub-linkcheck"
_GONE = frozenset({404, 410})
_ADDRESS = re.compile(r"https?://[^\s<>\"«»“”]+")
_ENDS = ".,;:!?)]'’،؛؟"
"""Signs that end a sentence rather than an address."""


@dataclass(frozen=True)
class LinkResult:
    """What an address answered; ``reason`` is None when it is fine."""

    url: str
    entries: list[str]
    reason: str | None = None
    moved_to: str | None = None

    @property
    def is_broken(self) -> bool:
        return self.reason is not None

    def as_data(self) -> dict[str, object]:
        return asdict(self)


def collect_links(base: KnowledgeBase) -> dict[str, list[str]]:
    """Every address of the facts and texts, and every one that readers are sent to for it, with who names it."""
    links: dict[str, list[str]] = defaultdict(list)
    for entry in base.entries.values():
        stored = {str(getattr(entry.fact, "url", None) or ""), entry.fact.source_url, *_in_texts(entry)} - {""}
        shown = {page_for_reader(url, language) for url in stored for language in RELEASED}
        for url in stored | shown:
            if url.startswith("http"):
                links[url].append(entry.id)
    for code, fact in base.emergency.items():
        if fact.source_url.startswith("http"):
            links[fact.source_url].append(f"emergency/{code}")
    return dict(links)


def _in_texts(entry: Entry) -> Iterator[str]:
    """The addresses that an answer of the team names, beside its words and among them."""
    for text in entry.texts.values():
        if isinstance(text, AnswerText):
            yield from (link.url for link in text.links)
            yield from map(_trim, _ADDRESS.findall(text.summary))


def _trim(address: str) -> str:
    """Without the signs behind it; a bracket that it opened is its own."""
    trimmed = address.rstrip(_ENDS)
    return f"{trimmed})" if trimmed.count("(") > trimmed.count(")") else trimmed


async def check_links(
    base: KnowledgeBase, *, console: Console | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> list[LinkResult]:
    """Ask for every address; sites that refuse robots (403, 429) do not count as broken."""
    links = collect_links(base)
    by_site: dict[str, list[str]] = defaultdict(list)
    for url in links:
        by_site[urlsplit(url).netloc].append(url)
    gate = asyncio.Semaphore(SITES_AT_ONCE)
    headers = {"User-Agent": AGENT}
    with Progress(console=console, disable=console is None) as progress:
        task = progress.add_task(say("links.checking"), total=len(links))
        async with httpx.AsyncClient(
            timeout=TIMEOUT, follow_redirects=True, headers=headers, transport=transport
        ) as http:

            async def check_site(urls: list[str]) -> list[LinkResult]:
                results = []
                async with gate:
                    for url in urls:
                        results.append(await _check(http, url, links[url]))
                        progress.advance(task)
                        await asyncio.sleep(PAUSE if transport is None else 0)
                return results

            found = await asyncio.gather(*(check_site(urls) for urls in by_site.values()))
    return [result for results in found for result in results]


async def _check(http: httpx.AsyncClient, url: str, entries: list[str]) -> LinkResult:
    reason = None
    for _ in range(2):
        try:
            response = await http.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = type(error).__name__
            continue
        if response.status_code in _GONE or response.is_server_error:
            reason = str(response.status_code)
            continue
        moved = str(response.url) if response.history and str(response.url) != url else None
        return LinkResult(url, entries, moved_to=moved)
    return LinkResult(url, entries, reason=reason)


def print_results(results: list[LinkResult], console: Console) -> None:
    """Broken and moved addresses, and the count."""
    for result in results:
        entries = ", ".join(result.entries)
        if result.is_broken:
            console.print(say("links.broken", url=result.url, reason=result.reason, entries=entries), markup=False)
        elif result.moved_to:
            console.print(say("links.moved", url=result.url, target=result.moved_to, entries=entries), markup=False)
    broken = sum(result.is_broken for result in results)
    moved = sum(bool(result.moved_to) for result in results)
    console.print(say("links.summary", checked=len(results), broken=broken, moved=moved))
