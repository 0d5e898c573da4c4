"""Pages that only tell something: emergency numbers, the API, privacy, accessibility."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from channels.base import Contact
from core.languages import SOURCE_LANGUAGE, format_day
from core.normalise import fold
from knowledge.schema import EmergencyText
from web.pages import Page, PageParts

PRIVACY = (
    "conversation",
    "browser",
    "counted",
    "unanswered",
    "sensitive",
    "handoff",
    "third_parties",
    "machine",
    "contact",
)
ACCESSIBILITY = ("standard", "features", "tested", "limits", "contact")
STATEMENT_ON = date(2026, 11, 22)
"""The day on which the accessibility statement was last made."""

type Json = dict[str, Any]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class CountryNumbers:
    """Emergency numbers of one country as the page shows them."""

    code: str
    name: str
    contacts: list[Contact]
    text: EmergencyText | None
    text_language: str
    dated: str


@dataclass(frozen=True)
class Shape:
    """One field of a request or an answer."""

    name: str
    type: str
    description: str
    where: str = ""
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One request of the API."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    body: str
    parameters: list[Shape] = field(default_factory=list)
    answers: list[tuple[str, str, str]] = field(default_factory=list)
    """Status, meaning, and the type of what comes back."""


@router.get("/emergency")
async def emergency_page(page: PageParts) -> HTMLResponse:
    """Emergency numbers of every country that the facts know."""
    wording = page.hub.wording
    countries = []
    for code, fact in wording.base.emergency.items():
        reply = wording.emergency(code, page.language)
        own = wording.base.emergency_texts.get(page.language, {}).get(code)
        text = own or wording.base.emergency_texts.get(SOURCE_LANGUAGE, {}).get(code)
        countries.append(
            CountryNumbers(
                code,
                page.place_name(code),
                reply.contacts if reply else [],
                text,
                page.language if own else SOURCE_LANGUAGE,
                page.dated("safety.numbers_date", fact.as_of),
            )
        )
    return page.render("emergency.html", countries=sorted(countries, key=lambda country: fold(country.name)))


@router.get("/docs")
async def docs_page(page: PageParts) -> HTMLResponse:
    """The API, from the OpenAPI description of the running application."""
    description = page.request.app.openapi()
    address = page.hub.settings.public_url or str(page.request.base_url).rstrip("/")
    schemas = description.get("components", {}).get("schemas", {})
    return page.render(
        "docs.html",
        operations=_operations(description),
        schemas=[(name, schema.get("description", ""), _fields(schema)) for name, schema in schemas.items()],
        address=address,
    )


@router.get("/privacy")
async def privacy_page(page: PageParts) -> HTMLResponse:
    """What is kept and what is not."""
    return _text_page(page, "privacy", PRIVACY)


@router.get("/accessibility")
async def accessibility_page(page: PageParts) -> HTMLResponse:
    """The accessibility statement."""
    day = format_day(STATEMENT_ON, page.language)
    return _text_page(page, "accessibility", ACCESSIBILITY, closing=page.t("accessibility.date", date=day))


def _text_page(page: Page, name: str, sections: tuple[str, ...], *, closing: str = "") -> HTMLResponse:
    address = page.hub.wording.team_address()
    return page.render("text.html", name=name, sections=sections, address=address, closing=closing)


def _operations(description: Json) -> list[Operation]:
    found = []
    for path, methods in description.get("paths", {}).items():
        for method, told in methods.items():
            body = told.get("requestBody", {}).get("content", {})
            answers = [
                (status, answer.get("description", ""), _content_type(answer.get("content", {})))
                for status, answer in told.get("responses", {}).items()
            ]
            found.append(
                Operation(
                    id=told.get("operationId", ""),
                    method=method.upper(),
                    path=path,
                    summary=told.get("summary", ""),
                    description=told.get("description", ""),
                    body=_content_type(body),
                    parameters=[_parameter(parameter) for parameter in told.get("parameters", [])],
                    answers=answers,
                )
            )
    return found


def _parameter(told: Json) -> Shape:
    return Shape(
        name=told["name"],
        type=_type(told.get("schema", {})),
        description=told.get("description", ""),
        where=told["in"],
        required=told.get("required", False),
    )


def _fields(schema: Json) -> list[Shape]:
    needed = schema.get("required", [])
    return [
        Shape(name=name, type=_type(told), description=told.get("description", ""), required=name in needed)
        for name, told in schema.get("properties", {}).items()
    ]


def _content_type(content: Json) -> str:
    for told in content.values():
        return _type(told.get("schema", {}))
    return ""


def _type(schema: Json) -> str:
    """A type in the notation that programmers know: ``Reply[]``, ``string | null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(_type(option) for option in schema["anyOf"])
    if "const" in schema:
        return repr(schema["const"])
    if schema.get("type") == "array":
        return f"{_type(schema.get('items', {}))}[]"
    if "enum" in schema:
        return " | ".join(repr(value) for value in schema["enum"])
    return str(schema.get("type", "any"))
