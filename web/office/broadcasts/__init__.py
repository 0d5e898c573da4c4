"""Messages to many: the pages on which the team writes, checks, releases and watches them."""

from __future__ import annotations

from fastapi import APIRouter

from web.office.broadcasts import audience, message, overview, preview, sending, templates, texts

router = APIRouter()
# Fixed addresses before those with an id in them.
for part in (templates, overview, message, preview, texts, audience, sending):
    router.include_router(part.router)
