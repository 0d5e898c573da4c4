"""Which address of a page a reader is sent to.

The site of the Council of Europe serves each page under /en/ and /fr/; the segment switches what stands around it.
Facts keep the address where they were read, which may be the Greek one; readers are shown their own language. Every
link of a reply or a page goes through here; documents (rm.coe.int) and other sites stay as they are.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

from core.languages import SOURCE_LANGUAGE

SITES = frozenset({"coe.int", "www.coe.int"})
SITE_LANGUAGES = frozenset({"en", "fr"})
"""Languages in which every page is certain to be there."""
DIFFERS_BY_LANGUAGE = frozenset({"/web/interculturalcities/how-to-join-"})
"""Pages that say other things in French than in English: the address that was read is the source, and stays."""
_SEGMENT = re.compile(r"^/[a-z]{2}(?=/(?:web|c)/)")
_SWITCH = "/c/portal/update_language"
"""An address that only switches the language, and holds the page in its ``redirect``."""


def page_for_reader(url: str, language: str) -> str:
    """The address of the same page for a reader of the language; of any other site, the address as it is."""
    parts = urlsplit(url)
    if parts.hostname not in SITES:
        return url
    if _SEGMENT.sub("", parts.path) == _SWITCH and (redirect := parse_qs(parts.query).get("redirect")):
        target = urlsplit(redirect[0])
        parts = parts._replace(path=target.path, query=target.query)
    path = _SEGMENT.sub("", parts.path)
    parts = parts._replace(scheme="https")
    if path.startswith("/web/") and path not in DIFFERS_BY_LANGUAGE:
        spoken = language if language in SITE_LANGUAGES else SOURCE_LANGUAGE
        parts = parts._replace(path=f"/{spoken}{path}")
    return urlunsplit(parts)
