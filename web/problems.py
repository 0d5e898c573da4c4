"""Errors: a sentence that a person understands, in their language, and no stack trace.

Programs and scripts get problem+json (RFC 9457); a browser that opens a page or sends a form gets a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from core.errors import HubError
from core.failures import describe_failure, silence_tracebacks
from core.languages import SOURCE_LANGUAGE, accepted_language
from core.texts import Texts
from web.pages import Page, released_language
from web.security import set_headers

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NOT_FOUND = "not_found"
STATED_LANGUAGE = "stated_language"
FOR_PROGRAMS = ("/api/", "/internal/")


def reader_language(request: Request) -> str:
    """The language to speak to whoever sent the request: the one that it states, else the browser's."""
    stated = getattr(request.state, STATED_LANGUAGE, None) or request.query_params.get("language")
    return released_language(stated) or accepted_language(request.headers.get("accept-language")) or SOURCE_LANGUAGE


def note_language(request: Request, stated: object) -> None:
    """Remember the language that a body states, for errors that come later."""
    setattr(request.state, STATED_LANGUAGE, stated if isinstance(stated, str) else None)


def wants_page(request: Request) -> bool:
    """Whether a browser opens the address or sends a form. Who calls the API wants documents, and no page."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(FOR_PROGRAMS)


def problem(
    texts: Texts, status: int, code: str, language: str, *, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem document; ``code`` is stable, ``detail`` is the sentence."""
    body = {"type": "about:blank", "title": texts.get("error.title", language), "status": status, "code": code}
    return JSONResponse(
        body | {"detail": detail},
        status,
        headers=(headers or {}) | {"Content-Language": language},
        media_type=MEDIA_TYPE,
    )


class Problems:
    """Answers for what cannot be done: a page for who asks for pages, else a problem document."""

    def __init__(self, texts: Texts, *, page_of: Callable[[Request], Page]) -> None:
        self._texts = texts
        self._page_of = page_of

    def answer(
        self, request: Request, status: int, code: str, /, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        """The sentence ``error.<code>`` in the reader's language."""
        if code == NOT_FOUND and wants_page(request):
            return self._page_of(request).not_found()
        say = partial(self._texts.get, f"error.{code}", **values)
        return self._answer(request, status, code, headers=headers, say=say)

    def answer_error(self, request: Request, error: HubError) -> Response:
        """The sentence of the error; whatever the error is, this does not fail."""
        # Whoever refuses for a while says for how long.
        seconds = error.values.get("seconds") if error.status == 429 else None
        headers = None if seconds is None else {"Retry-After": str(seconds)}
        say = partial(self._say, error)
        return self._answer(request, error.status, error.code, headers=headers, say=say)

    def _answer(
        self,
        request: Request,
        status: int,
        code: str,
        *,
        headers: dict[str, str] | None,
        say: Callable[[str], str],
    ) -> Response:
        if not wants_page(request):
            language = reader_language(request)
            return problem(self._texts, status, code, language, detail=say(language), headers=headers)
        page = self._page_of(request)
        return page.problem(say(page.language), status=status, headers=headers)

    def _say(self, error: HubError, language: str) -> str:
        try:
            # The code is among the values so that there is one: without any, placeholders would stay in the sentence.
            return self._texts.get(error.text_key, language, **({"code": error.code} | error.values))
        except LookupError:
            log.error("error_without_sentence code=%s", error.code)
            return self._texts.get("error.unexpected", language)


def register_problem_handlers(app: FastAPI, problems: Problems) -> None:
    """Turn every error of the application into a sentence for whoever sent the request."""
    # Starlette hands an unexpected error on to the server after it was answered.
    silence_tracebacks()

    @app.exception_handler(HubError)
    async def _hub_error(request: Request, error: HubError) -> Response:
        return problems.answer_error(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return problems.answer(request, 422, "not_json")
        if isinstance(error.body, dict):
            note_language(request, error.body.get("language"))
        field = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"}) or "body"
        code = "message_too_long" if (field, first["type"]) == ("message", "string_too_long") else "field_wrong"
        values = {"field": field, "most": first.get("ctx", {}).get("max_length", "")}
        return problems.answer(request, 422, code, **values)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = {404: NOT_FOUND, 405: "method_not_allowed"}.get(error.status_code, "unexpected")
        headers = dict(error.headers) if error.headers else None
        return problems.answer(request, error.status_code, code, headers=headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected_error path=%s %s", request.url.path, describe_failure(error))
        response = problems.answer(request, 500, "unexpected")
        # This is answered outside of every middleware.
        set_headers(response.headers, request.url.path)
        return response
