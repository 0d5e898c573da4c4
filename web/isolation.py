"""Latin names inside Arabic lines: a run of its own, so that it is read in its order also where it breaks in two."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_LATIN = "A-Za-z\u00c0-\u024f"
_HAS_RIGHT_TO_LEFT = re.compile(f"[{_RIGHT_TO_LEFT}]")
_RUN = re.compile(
    # With the brackets around it, which else stand at the wrong ends.
    rf"\([^(){_RIGHT_TO_LEFT}]*[{_LATIN}][^(){_RIGHT_TO_LEFT}]*\)"
    rf"|[{_LATIN}](?:[^(){_RIGHT_TO_LEFT}]*[{_LATIN}0-9])?"
)


def isolate(text: str) -> Markup:
    """The text as HTML, each Latin run in a right-to-left text in an element of its own (``bdi.latin`` in base.css).

    ``messages.js`` does the same for what the script writes.
    """
    if not _HAS_RIGHT_TO_LEFT.search(text):
        return escape(text)
    parts, end = [], 0
    for run in _RUN.finditer(text):
        parts += [escape(text[end : run.start()]), Markup('<bdi class="latin" dir="ltr">{}</bdi>').format(run.group())]
        end = run.end()
    return Markup("").join([*parts, escape(text[end:])])
