"""Errors as problem+json (RFC 9457): a sentence that a person understands, in their language, and no stack trace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from core.errors import HubError
from core.failures import describe_failure, silence_tracebacks
from core.languages import SOURCE_LANGUAGE, accepted_language
from core.texts import Texts

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def reader_language(request: Request) -> str:
    """The language to speak to whoever sent the request."""
    return accepted_language(request.headers.get("accept-language")) or SOURCE_LANGUAGE


def problem(
    texts: Texts, status: int, code: str, language: str, /, headers: dict[str, str] | None = None, **values: Any
) -> JSONResponse:
    """A problem document; ``code`` is stable, ``detail`` is the sentence."""
    detail = texts.get(f"error.{code}", language, **values)
    body = {"type": "about:blank", "title": texts.get("error.title", language), "status": status, "code": code}
    return JSONResponse(
        body | {"detail": detail},
        status,
        headers=(headers or {}) | {"Content-Language": language},
        media_type=MEDIA_TYPE,
    )


def register_problem_handlers(app: FastAPI, texts: Texts, *, not_found_page: Callable[[Request], Response]) -> None:
    """Turn every error of the application into a problem document; who asks for a page gets a page."""
    # Starlette hands an unexpected error on to the server after it was answered.
    silence_tracebacks()

    @app.exception_handler(HubError)
    async def _hub_error(request: Request, error: HubError) -> Response:
        headers = {"Retry-After": str(error.values["seconds"])} if error.status == 429 else None
        return problem(texts, error.status, error.code, reader_language(request), headers=headers, **error.values)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return problem(texts, 422, "not_json", reader_language(request))
        field = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"}) or "body"
        code = "message_too_long" if (field, first["type"]) == ("message", "string_too_long") else "field_wrong"
        values = {"field": field, "most": first.get("ctx", {}).get("max_length", "")}
        return problem(texts, 422, code, reader_language(request), **values)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
            return not_found_page(request)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "unexpected")
        headers = dict(error.headers) if error.headers else None
        return problem(texts, error.status_code, code, reader_language(request), headers=headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected_error path=%s %s", request.url.path, describe_failure(error))
        return problem(texts, 500, "unexpected", reader_language(request))
