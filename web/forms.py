"""Reads the fields of a form that was sent; no page reads them another way."""

from __future__ import annotations

from starlette.datastructures import FormData


def as_typed(value: str) -> str:
    """A value as the person typed it: a form sends each line break as two characters (HTML, "normalize newlines").

    A NUL is dropped: nobody types one, and PostgreSQL keeps none.
    """
    return value.replace("\r\n", "\n").replace("\0", "")


def field(form: FormData, name: str) -> str:
    """A field of a form; nothing where it is absent or a file."""
    value = form.get(name)
    return as_typed(value) if isinstance(value, str) else ""


def fields(form: FormData, name: str) -> list[str]:
    """All values of a field, such as of ticked boxes."""
    return [as_typed(value) for value in form.getlist(name) if isinstance(value, str)]
