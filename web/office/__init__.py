"""The back office: plain forms for the ICC team, behind a mail link or a password and a one-time code."""

from web.office.routes import router

__all__ = ["router"]
