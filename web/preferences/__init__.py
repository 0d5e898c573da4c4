"""The preference centre: each chooses what they get, how often and how."""

from web.preferences.routes import router

__all__ = ["router"]
