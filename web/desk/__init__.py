"""The desk's pages: plain forms for officers, behind a password and a one-time code."""

from web.desk.routes import router

__all__ = ["router"]
