"""Pages where every refusal becomes a page, and whatever fails is logged without a word of what people wrote."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from core.errors import HubError
from core.failures import describe_failure

log = logging.getLogger(__name__)


def note_failure(error: Exception, *, part: str) -> None:
    """Log a failure by its kind and place. Its message may quote a row or a report, so it is never logged."""
    log.error("%s_page_failed %s", part, describe_failure(error))


class GuardedRoute(APIRoute):
    """The routes of one part of the hub; each part says its name and how it shows a refusal."""

    part: ClassVar[str]

    @staticmethod
    @abstractmethod
    def refuse(request: Request, error: HubError) -> Response:
        """The page that says why."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except HubError as error:
                return self.refuse(request, error)
            except (HTTPException, RequestValidationError):
                raise
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                note_failure(error, part=self.part)
                return self.refuse(request, HubError())

        return guarded
