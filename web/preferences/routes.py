"""All pages of the preference centre together."""

from __future__ import annotations

from fastapi import APIRouter

from web.preferences import arrival, city, data, events, home, joining, own_city, ways

router = APIRouter(include_in_schema=False)
for part in (home, joining, arrival, ways, city, own_city, events, data):
    router.include_router(part.router)
