"""All of the desk's pages together."""

from __future__ import annotations

from fastapi import APIRouter

from web.desk import account, case_acts, case_list, case_page, figures, joining, news, officers, setup, trail

router = APIRouter(include_in_schema=False)
PARTS = (account, joining, case_list, case_page, case_acts, setup, officers, news, figures, trail)
for part in PARTS:
    router.include_router(part.router)
