"""What all pages share: the templates, the words in the reader's language, and addresses that keep the choice of it.

A page speaks the language of ``?lang=``, which is the person's choice, else of ``?site_lang=``, which the site around
an embedded chat states, else of Accept-Language. There are no cookies but for people who sign in (session_cookies.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from babel import Locale, UnknownLocaleError
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.languages import LANGUAGES, RELEASED, SOURCE_LANGUAGE, accepted_language, match_language
from core.texts import colon, listed, separate
from core.zones import ZoneGroups, canonical_zone, zone_groups
from web.isolation import isolate
from web.state import Hub, HubParts

FOLDER = Path(__file__).resolve().parent
STATIC = FOLDER / "static"
PLAIN = "plain"
"""In an address: the page without its links to reports, to help against discrimination and to emergency numbers."""
PARTS_WITH_FRAMES = ("office", "desk", "report")
"""Parts of the hub whose pages have a frame of their own."""
SHOWN_SCHEMES = frozenset({"http", "https", "tel", "mailto"})
"""Addresses that a page makes a link of."""


@dataclass(frozen=True)
class LanguageChoice:
    """One line of the language menu: the page as it is, in another language."""

    code: str
    own_name: str
    url: str


@dataclass(frozen=True)
class Page:
    """One request for a page, in one language; ``chosen`` when the person picked that language."""

    hub: Hub
    request: Request
    language: str
    chosen: bool

    def t(self, key: str, /, **values: Any) -> str:
        """The sentence ``page.<key>``, or any other of the catalogue by its whole key."""
        texts = self.hub.wording.texts
        own = f"page.{key}"
        return texts.get(own if texts.has(own, SOURCE_LANGUAGE) else key, self.language, **values)

    def label(self, group: str, value: str) -> str:
        """The word for a value of data."""
        return self.hub.wording.texts.label(group, value, self.language)

    def url(self, path: str, /, **query: Any) -> str:
        """An address of the hub with the chosen language and whatever of the query is not empty."""
        values = {name: str(value) for name, value in query.items() if value not in (None, "")}
        if self.chosen:
            values["lang"] = self.language
        return f"{path}?{urlencode(values)}" if values else path

    def static(self, name: str) -> str:
        """The address of a static file; it changes with the content, so browsers may keep the file for ever."""
        return f"/static/{static_version()}/{name}"

    @property
    def is_plain(self) -> bool:
        """Whether nothing on the page may speak of reports: somebody just left one quickly (``/report/leave``)."""
        return PLAIN in self.request.query_params

    def place_name(self, place_id: str) -> str:
        """A country's, region's or city's name in the language of the page."""
        gazetteer = self.hub.wording.gazetteer
        place = gazetteer.get(place_id)
        return gazetteer.name(place, self.language) if place else place_id

    def dated(self, key: str, as_of: str | None) -> str:
        """A sentence about a date of the facts, also where it is not known."""
        return self.hub.wording.dated(key, as_of, self.language)

    def separated(self, names: Iterable[str]) -> str:
        """Names one after the other."""
        return separate(names, self.language)

    def listed(self, names: Iterable[str]) -> str:
        """Names without commas of their own, in one line."""
        return listed(names, self.language)

    @property
    def colon(self) -> str:
        """The colon after a label."""
        return colon(self.language)

    def zones(self, present: str) -> ZoneGroups:
        """Time zones to choose from, those of the network's countries first; the present one is among them."""
        countries = {city.country for city in self.hub.wording.base.cities.values()}
        return zone_groups(self.language, first=countries, first_name=self.t("site.zones_of_network"), present=present)

    def language_name(self, code: str) -> str:
        """A language's name in the language of the page."""
        try:
            return str(Locale.parse(code, sep="-").get_display_name(self.language) or code)
        except (UnknownLocaleError, ValueError):
            return code

    def choices(self) -> list[LanguageChoice]:
        """The language menu. An answer to a form has no address of its own and leads to the empty chat."""
        here = self.request.url if self.request.method == "GET" else self.request.url.replace(path="/", query="")
        return [
            LanguageChoice(code, LANGUAGES[code].own_name, _relative(str(here.include_query_params(lang=code))))
            for code in RELEASED
        ]

    def render(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """The template as an answer; inside it ``page``, ``t``, ``url``, ``label`` and ``static`` are at hand."""
        own = {"page": self, "t": self.t, "url": self.url, "label": self.label, "static": self.static}
        html = _environment().get_template(template).render(own | values)
        return HTMLResponse(html, status, {"Content-Language": self.language, **(headers or {})})

    def not_found(self) -> HTMLResponse:
        """The page that says there is none, with ways on."""
        # Parts of the hub with frames of their own have no such page.
        return Page.render(self, "not_found.html", status=404)

    def problem(self, message: str, *, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The page that says what did not work, in the frame of the part of the hub where it was."""
        template = "problem.html"
        for part in PARTS_WITH_FRAMES:
            # The report's page promises that nothing was changed, which nobody knows after a failure.
            if (self.request.url.path + "/").startswith(f"/{part}/") and (part != "report" or status < 500):
                template = f"{part}/problem.html"
        return self.render(template, status=status, headers=headers, message=message, kept=())


def get_page(request: Request, hub: HubParts) -> Page:
    """The page's language, from the request."""
    chosen = released_language(request.query_params.get("lang"))
    stated = released_language(request.query_params.get("site_lang"))
    language = chosen or stated or accepted_language(request.headers.get("accept-language")) or SOURCE_LANGUAGE
    return Page(hub, request, language, chosen is not None)


PageParts = Annotated[Page, Depends(get_page)]


def direction(language: str) -> str:
    """The value of ``dir`` for a language."""
    return LANGUAGES[language].direction if language in LANGUAGES else "ltr"


def is_shown(url: str) -> bool:
    """Whether a page makes a link of this address: a known scheme, or an address of the hub itself."""
    parts = urlsplit(url)
    return parts.scheme in SHOWN_SCHEMES or (not parts.scheme and not parts.netloc and url.startswith("/"))


@cache
def static_version() -> str:
    """A fingerprint of all static files. One for all, so that a script finds the others beside it."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"direction": direction, "is_shown": is_shown, "canonical_zone": canonical_zone}
    environment.filters["isolate"] = isolate
    return environment


def released_language(tag: str | None) -> str | None:
    """The released language that a tag means, if any."""
    try:
        code = match_language(tag) if tag else None
    except ValueError:
        return None
    return code if code in RELEASED else None


def _relative(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
