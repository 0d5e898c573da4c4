"""Installing language packages: from a file, from an index over HTTP, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from core.translation.errors import DownloadFailedError, PackageUnknownError, PackageWrongError
from core.translation.index import Available, choose, fetch, read_index
from core.translation.packages import find_route, install, list_installed, remove
from tests.tiny_packages import ENGLISH_ITALIAN as ITALIAN
from tests.tiny_packages import FRENCH_ENGLISH as FRENCH


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, bytes]], str]]:
    """Starts a server of files on this machine; the fixture's value takes them and gives its address."""
    files: dict[str, bytes] = {}

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def start(content: dict[str, bytes]) -> str:
        files.update(content)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_package_is_installed_whole_with_the_hash_of_its_file(tmp_path: Path) -> None:
    installed = install(ITALIAN, tmp_path)
    assert (installed.source, installed.target) == ("en", "it")
    assert installed.sha256 == sha256(ITALIAN.read_bytes()).hexdigest()
    assert install(ITALIAN, tmp_path) == installed
    assert list_installed(tmp_path) == [installed]
    assert remove(tmp_path, "en", "it")
    assert not remove(tmp_path, "en", "it")
    assert list_installed(tmp_path) == []


def test_a_way_leads_directly_or_through_english(tmp_path: Path) -> None:
    packages = [install(FRENCH, tmp_path), install(ITALIAN, tmp_path)]
    assert find_route(packages, "en", "it") == ("en", "it")
    assert find_route(packages, "fr", "it") == ("fr", "en", "it")
    assert find_route(packages, "it", "fr") is None
    assert find_route(packages, "en", "en") is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"a/metadata.json": "{}", "b/metadata.json": "{}"},
        {"a/metadata.json": "no json"},
        {"a/metadata.json": '{"from_code": "en", "to_code": "it"}'},
        {"a/metadata.json": '{"from_code": "../x", "to_code": "it"}', "a/model/model.bin": "x", "a/bpe.model": "x"},
        {"a/metadata.json": '{"from_code": "en", "to_code": "it", "type": "sbd"}', "a/model/model.bin": "x"},
        {"../evil/metadata.json": '{"from_code": "en", "to_code": "it"}'},
    ],
)
def test_what_is_no_package_is_refused_and_leaves_nothing(files: dict[str, str], tmp_path: Path) -> None:
    file, folder = tmp_path / "file.argosmodel", tmp_path / "translation"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(PackageWrongError):
        install(file, folder)
    assert list_installed(folder) == []
    assert list((folder / "incoming").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.argosmodel"
    file.write_bytes(b"<html>Not found</html>")
    with pytest.raises(PackageWrongError):
        install(file, tmp_path)


def test_the_newest_packages_of_the_index_are_fetched_both_ways(
    http: httpx.Client, serve: Callable[[dict[str, bytes]], str], tmp_path: Path
) -> None:
    address = serve({"/it": ITALIAN.read_bytes(), "/old": b"old"})

    def row(source: str, target: str, version: str, *links: str) -> dict[str, object]:
        return {"type": "translate", "from_code": source, "to_code": target, "package_version": version, "links": links}

    rows = [
        row("en", "it", "1.9", f"{address}/old"),
        row("en", "it", "1.10", f"{address}/gone", f"{address}/old", f"{address}/it"),
        row("it", "en", "1.0", f"{address}/gone"),
        {"type": "sbd", "from_codes": ["en"]},
    ]
    serve({"/index.json": json.dumps(rows).encode()})
    there, back = choose(read_index(http, f"{address}/index.json"), "it")
    seen: list[tuple[int, int | None]] = []
    installed = fetch(http, there, tmp_path, progress=lambda come, total: seen.append((come, total)))
    assert installed.sha256 == sha256(ITALIAN.read_bytes()).hexdigest()
    assert seen[-1] == (ITALIAN.stat().st_size, ITALIAN.stat().st_size)
    with pytest.raises(DownloadFailedError):
        fetch(http, back, tmp_path)
    assert list_installed(tmp_path) == [installed]
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_package_for_other_languages_than_promised_is_refused(
    http: httpx.Client, serve: Callable[[dict[str, bytes]], str], tmp_path: Path
) -> None:
    address = serve({"/it": ITALIAN.read_bytes()})
    with pytest.raises(PackageWrongError):
        fetch(http, Available("en", "ar", "1.0", (f"{address}/it",)), tmp_path)
    assert list_installed(tmp_path) == []


def test_a_language_without_packages_and_an_index_that_is_none_are_named(
    http: httpx.Client, serve: Callable[[dict[str, bytes]], str]
) -> None:
    address = serve({"/index.json": b"[]", "/broken.json": b"[1]"})
    with pytest.raises(PackageUnknownError):
        choose(read_index(http, f"{address}/index.json"), "mt")
    for path in ("broken.json", "missing.json"):
        with pytest.raises(DownloadFailedError):
            read_index(http, f"{address}/{path}")


def test_only_https_is_used_beyond_this_machine() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[]", request=request)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        assert read_index(http, "https://example.org/index.json") == []
        with pytest.raises(DownloadFailedError):
            read_index(http, "http://example.org/index.json")
