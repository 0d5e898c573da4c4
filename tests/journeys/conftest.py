"""Fixtures of the journeys in a browser: a hub on a free port of this machine, and Chromium."""

from __future__ import annotations

import asyncio
import inspect
import shutil
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright
from pydantic import SecretStr

from app import build_app, build_hub
from conversation.replies import Wording
from core.clock import FixedClock
from core.settings import Settings
from migrations.run import migrate
from tests.conftest import NOW
from tests.fakes import FakeAssistant
from tests.password_cost import password_cost
from tests.services import free_port, missing
from web.state import Hub

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(autouse=True, scope="session")
def passwords_cost() -> Iterator[None]:
    """The real one: some hubs here are processes of their own, and a key must come out the same in both."""
    with password_cost(real=True):
        yield


@dataclass
class RunningHub:
    """A hub that answers over HTTP, in a thread of its own, with a stand-in for the assistant."""

    address: str
    city_site: str
    """A city's own page with the chat in it; ``localhost`` is allowed to show the frame, ``127.0.0.1`` is not."""
    hub: Hub
    assistant: FakeAssistant
    loop: asyncio.AbstractEventLoop

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Do something inside the hub."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's driver keeps an event loop of its own to the end, so what needs another one comes first."""
    items.sort(key=lambda item: not inspect.iscoroutinefunction(getattr(item, "function", None)))


@pytest.fixture(scope="session")
def running_hub(wording: Wording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    port = free_port()
    city = _serve_city_page(f"http://127.0.0.1:{port}")
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("hub"),
        secret_key=SecretStr("only-for-tests"),
        embed_origins=f"http://localhost:{city.server_port}",
    )
    assistant = FakeAssistant(wording)
    hub = build_hub(settings, clock=FixedClock(NOW), assistant=assistant, wording=wording)
    loop = asyncio.new_event_loop()
    config = uvicorn.Config(build_app(settings, hub=hub), host="127.0.0.1", port=port, log_level="warning", ws="none")
    server = uvicorn.Server(config)

    async def serve() -> None:
        await migrate(hub.database)
        await server.serve()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(timeout=0.05)
        assert thread.is_alive(), "the hub did not start"
    yield RunningHub(f"http://127.0.0.1:{port}", f"http://localhost:{city.server_port}/", hub, assistant, loop)
    city.shutdown()
    city.server_close()
    server.should_exit = True
    thread.join(timeout=10)
    loop.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        except Error as error:
            missing(f"Chromium ({error.message.splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, running_hub: RunningHub) -> Iterator[BrowserContext]:
    """A fresh browser profile on a phone's screen."""
    context = browser.new_context(base_url=running_hub.address, viewport={"width": 360, "height": 740}, locale="en-GB")
    context.set_default_timeout(8000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, running_hub: RunningHub) -> Iterator[Page]:
    """A tab that fails the test when a page breaks its policy, throws, or asks another machine for anything."""
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    own = running_hub.address + "/"
    page.on("request", lambda request: None if request.url.startswith(own) else troubles.append(request.url))
    yield page
    assert troubles == []


def _serve_city_page(hub: str) -> ThreadingHTTPServer:
    """A site that knows nothing of the hub but the one line, and has a strict policy of its own."""
    line = f'<script src="{hub}/embed.js" data-city="Reggio Emilia" data-lang="it" defer></script>'
    html = f'<!doctype html><html lang="it"><title>Comune</title><p><a href="#x">Prima</a></p>{line}</html>'

    class CityPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", f"default-src 'none'; script-src {hub}; frame-src {hub}")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), CityPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
