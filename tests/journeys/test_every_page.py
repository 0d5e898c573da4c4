"""Every page that somebody can open is looked at by axe-core: the application's routes beside the tests' addresses.

No browser is needed here. Read are the tests that run axe, with all that they call or name in their file; an address in
them counts for the routes that it leads to.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from app import list_routes

HERE = Path(__file__).parent
ANYTHING = "\0"
"""Stands for what an address gets only when the test runs."""
NO_PAGE = re.compile(r"^/(api|internal|health)(/|$)|\.(ics|csv|json|svg|js)$")
A_FILE = "hands out a file"
A_MAIL = "a mail as it will look, in a frame; test_mail.py looks at mails"
LEADS_ON = "leads on to another page"
AS_ENTER = "the page of /preferences/enter, which is looked at, with other words"
FROM_A_LIST = "opened by a press in a list, so that its address stands in no test: test_office.py looks at it"
FROM_THE_BROWSER = "opened at an address that the browser tells: test_broadcast.py looks at it in every language"
EXCEPT = {
    "/chat": LEADS_ON,
    "/desk/case/{case_id}/file/{file_id}": A_FILE,
    "/m/file/{token}": A_FILE,
    "/office/broadcasts/templates/example": A_MAIL,
    "/office/broadcasts/{broadcast_id}/audience": FROM_THE_BROWSER,
    "/office/broadcasts/{broadcast_id}/message": FROM_THE_BROWSER,
    "/office/broadcasts/{broadcast_id}/preview": A_MAIL,
    "/office/broadcasts/{broadcast_id}/progress": FROM_THE_BROWSER,
    "/office/broadcasts/{broadcast_id}/text/{language}": FROM_THE_BROWSER,
    "/office/cities/{city}/copy": A_FILE,
    "/office/outbox/file": A_FILE,
    "/office/outbox/html": A_MAIL,
    "/office/outbox/mail": FROM_A_LIST,
    "/office/subscribers/export/{form}": A_FILE,
    "/preferences/confirm/{token}": AS_ENTER,
    "/preferences/data/file": A_FILE,
    "/preferences/handover/{token}": AS_ENTER,
    "/preferences/open/{token}": LEADS_ON,
    "/preferences/own-city/copy": A_FILE,
    "/preferences/successor": LEADS_ON,
}
"""Addresses that are in no axe test as they stand, and why."""


class _Names(ast.NodeVisitor):
    """What a piece of a test file names, and the addresses in it."""

    def __init__(self, known: dict[str, object]) -> None:
        self.known = known
        self.names: set[str] = set()
        self.addresses: set[str] = set()
        self.words: set[str] = set()
        """Texts that an address may be made of."""

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)
        self._add(self.known.get(node.id))

    def visit_Constant(self, node: ast.Constant) -> None:
        self._add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add("".join(self._part(part) for part in node.values))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add):
            self._add(self._part(node.left) + self._part(node.right))
        self.generic_visit(node)

    def _part(self, node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            return self._part(node.value)
        if isinstance(node, ast.Constant):
            return str(node.value)
        found = self.known.get(node.id) if isinstance(node, ast.Name) else None
        return found if isinstance(found, str) else ANYTHING

    def _add(self, value: object) -> None:
        if isinstance(value, str) and value.startswith("/"):
            self.addresses.add(value.partition("?")[0])
        elif isinstance(value, str):
            self.words.add(value)


@dataclass(frozen=True)
class Address:
    """An address that a test opens, as far as it is known before, and the words of that test."""

    parts: tuple[str, ...]
    words: frozenset[str]

    def leads_to(self, page: str) -> bool:
        wanted = page.strip("/").split("/")
        return len(self.parts) == len(wanted) and all(
            want.startswith("{") or part == want or (ANYTHING in part and want in self.words)
            for part, want in zip(self.parts, wanted, strict=True)
        )


def addresses_of(file: Path) -> Iterator[Address]:
    """Every address of the tests of a file that run axe."""
    known = vars(importlib.import_module(f"tests.journeys.{file.stem}"))
    pieces: dict[str, _Names] = {}
    for node in ast.parse(file.read_text()).body:
        read = _Names(known)
        read.visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            read.names |= {argument.arg for argument in node.args.args + node.args.kwonlyargs}
            pieces[node.name] = read
        else:
            named = [name for name in ast.walk(node) if isinstance(name, ast.Name)]
            pieces |= {name.id: read for name in named if isinstance(name.ctx, ast.Store)}
    for test in [name for name in pieces if name.startswith("test_")]:
        reached, todo = set[str](), {test}
        while todo:
            name = todo.pop()
            reached.add(name)
            todo |= (pieces[name].names & pieces.keys()) - reached
        if any("Axe" in pieces[name].names for name in reached):
            words = frozenset[str]().union(*(pieces[name].words for name in reached))
            for address in set[str]().union(*(pieces[name].addresses for name in reached)):
                yield Address(tuple(address.strip("/").split("/")), words)


@pytest.fixture(scope="module")
def looked_at() -> set[Address]:
    files = [file for file in HERE.glob("test_*.py") if file != Path(__file__) and "Axe(" in file.read_text()]
    return {address for file in files for address in addresses_of(file)}


def flatten(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Single routes; FastAPI keeps those of a router together."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from flatten(router.routes)


def list_pages() -> set[str]:
    found = {route.path for route in flatten(list_routes()) if "GET" in (route.methods or ())}
    return {path for path in found if not NO_PAGE.search(path)}


def test_every_page_is_in_an_axe_test_or_named_with_a_reason(looked_at: set[Address]) -> None:
    pages = list_pages()
    assert {"/", "/report", "/report/desk/{desk_id}", "/desk/case/{case_id}", "/office"} <= pages
    unseen = {page for page in pages if not any(address.leads_to(page) for address in looked_at)}
    assert unseen - EXCEPT.keys() == set(), "in no test with axe, and not named in EXCEPT"
    assert EXCEPT.keys() - unseen == set(), "named in EXCEPT for nothing"
