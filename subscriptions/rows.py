"""The rows of a file of subscribers: reading CSV and XLSX, checking each row, and writing such files safely.

A row is a mapping from column to text. Nothing here knows the database.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from babel.core import get_global

from core.clock import time_zones
from core.language_names import find_country, find_language
from core.normalise import clean, fold
from knowledge.base import KnowledgeBase
from knowledge.schema import CityFact
from subscriptions.columns import COLUMNS, NO, REASON, YES, Vocabulary, find_column
from subscriptions.errors import AddressInvalidError, FileUnreadableError
from subscriptions.models import Frequency, Role
from subscriptions.subscribers import LONGEST_NAME, read_email
from subscriptions.topics import Topics

MOST_ROWS = 50_000
LARGEST_SHEET = 200 * 1024 * 1024
ENCODINGS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp932")
"""What spreadsheets write where they do not write Unicode; the first is that of western Europe."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell. ``key`` names the sentence ``import.problem.<key>``; row 1 holds the titles."""

    row: int
    column: str
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that is right. Fields that the file does not say are None, and stay as they are."""

    row: int
    email: str
    name: str | None
    profile: Mapping[str, str | bool | None]
    topics: Mapping[str, Frequency] = field(default_factory=dict)


def read_rows(
    content: bytes,
    *,
    is_workbook: bool,
    columns: Sequence[str] = COLUMNS,
    needed: str = "email",
    encoding: str | None = None,
) -> Iterator[dict[str, str]]:
    """Rows by column title; ``needed`` must be one of them. Raises FileUnreadableError.

    ``encoding``: one of ``ENCODINGS``, for a file that does not say how its letters are written (``is_guessed``).
    Titles of people are understood as people write them (``columns.find_column``), other titles in any case.
    """
    lines = _read_workbook(content) if is_workbook else _read_csv(content, encoding)
    titles = [fold(cell).strip().replace(" ", "_").replace("-", "_") for cell in next(lines, [])]
    if columns is COLUMNS:
        titles = [find_column(title) or title for title in titles]
    if needed not in titles:
        raise FileUnreadableError(reason=f"no_{needed}_column")
    for title in titles:
        if title and title not in columns and title != REASON:
            raise FileUnreadableError(reason="column_unknown", value=title)
    if len(set(titles) - {""}) != len([title for title in titles if title]):
        raise FileUnreadableError(reason="column_twice")
    for number, line in enumerate(lines):
        if number >= MOST_ROWS:
            raise FileUnreadableError(reason="too_many_rows")
        cells = zip(titles, line, strict=False)
        yield {title: _unescape(clean(cell)) for title, cell in cells if title and title != REASON}


def write_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """A CSV file of rows in which no cell is a formula."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    writer.writerows([escape(row.get(column, "")) for column in columns] for row in rows)
    return target.getvalue()


def write_workbook(rows: Iterable[Mapping[str, str]]) -> bytes:
    """An XLSX file of rows in which no cell is a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("subscribers")
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([escape(row.get(column, "")) for column in COLUMNS])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def escape(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula; reading the file takes the mark away again."""
    return f"'{cell}" if cell.startswith((*FORMULA, "'")) else cell


class RowReader:
    """Checks rows against the cities, languages and topics that there are, and collects what is wrong."""

    def __init__(self, base: KnowledgeBase, topics: Topics, vocabulary: Vocabulary | None = None) -> None:
        self._topics, self._words = topics, vocabulary or Vocabulary()
        self._cities = name_cities(base)
        self._seen: dict[str, int] = {}
        self.problems: list[Problem] = []

    def read(self, number: int, row: Mapping[str, str]) -> Entry | None:
        """The row as an entry, or None after noting everything that is wrong with it. An empty row is nothing."""
        if not any(row.values()):
            return None
        before = len(self.problems)
        email = self._email(number, row.get("email", ""))
        profile = self._profile(number, row)
        topics = dict(self._chosen(number, row.get("topics", "")))
        name = row.get("name") or None
        if name is not None and len(name) > LONGEST_NAME:
            self._note(number, "name", "too_long", name)
        if len(self.problems) > before or email is None:
            return None
        return Entry(number, email, name, profile, topics)

    def _email(self, number: int, text: str) -> str | None:
        try:
            email = read_email(text)
        except AddressInvalidError:
            self._note(number, "email", "email_invalid" if text else "email_missing", text)
            return None
        if email in self._seen:
            self._note(number, "email", "email_twice", str(self._seen[email]))
            return None
        self._seen[email] = number
        return email

    def _profile(self, number: int, row: Mapping[str, str]) -> dict[str, str | bool | None]:
        profile: dict[str, str | bool | None] = {}
        if text := row.get("city"):
            city = self._cities.get(fold(text))
            if city is None:
                self._note(number, "city", "city_unknown", text)
            else:
                profile |= {"city": city.id, "country": city.country, "network": city.national_network}
        if text := row.get("country"):
            country = find_country(text)
            if country is None:
                self._note(number, "country", "country_unknown", text)
            elif profile.get("country", country) != country:
                self._note(number, "country", "country_of_city", text)
            profile["country"] = country
        if text := row.get("network"):
            profile["network"] = text[:120]
        if text := row.get("role"):
            role = text.lower() if text.lower() in set(Role) else self._words.roles.get(fold(text))
            if role is None:
                self._note(number, "role", "role_unknown", text)
            profile["role"] = role
        if text := row.get("language"):
            profile["language"] = self._language(number, text)
        self._time_zone(number, row.get("time_zone", ""), profile)
        for column, attribute in (("contact", "is_mandatory_contact"), ("city_defaults", "may_set_city_defaults")):
            if column in row:
                text = fold(row[column])
                if text not in YES | NO:
                    self._note(number, column, "not_yes_or_no", row[column])
                elif text:
                    profile[attribute] = text in YES
        return profile

    def _language(self, number: int, text: str) -> str | None:
        language = find_language(text)
        if language is None:
            self._note(number, "language", "language_unknown", text)
        return language

    def _time_zone(self, number: int, text: str, profile: dict[str, str | bool | None]) -> None:
        if text:
            if text not in time_zones():
                self._note(number, "time_zone", "time_zone_unknown", text)
            profile["time_zone"] = text
        elif profile.get("country") and (zone := main_time_zone(str(profile["country"]))):
            profile["time_zone"] = zone

    def _chosen(self, number: int, text: str) -> Iterator[tuple[str, Frequency]]:
        for topic, said in self._words.split_topics(text, self._topics.facts):
            if topic not in self._topics.facts:
                self._note(number, "topics", "topic_unknown", topic)
            elif (frequency := self._words.frequency(said)) is None:
                self._note(number, "topics", "frequency_unknown", f"{topic}:{said}" if said else topic)
            else:
                yield topic, frequency

    def _note(self, number: int, column: str, key: str, value: str) -> None:
        self.problems.append(Problem(number, column, key, value[:120]))


def name_cities(base: KnowledgeBase) -> dict[str, CityFact]:
    """The cities by their folded names in every language, and by their ids."""
    cities = {fold(city.name): city for city in base.cities.values()}
    for names in base.place_names.values():
        for city_id, spellings in names.items():
            if city_id in base.cities:
                for spelling in spellings:
                    cities.setdefault(fold(spelling), base.cities[city_id])
    return cities | {city.id: city for city in base.cities.values()}


def main_time_zone(country: str) -> str | None:
    """The zone that most of a country lives in, where that is plain: its only one, or its first in Europe."""
    zones = sorted(zone for zone, code in get_global("zone_territories").items() if code == country)
    zones = [zone for zone in zones if zone in time_zones()]
    if len(zones) > 1:
        zones = [zone for zone in zones if zone.startswith("Europe/")]
    return zones[0] if zones else None


def _unescape(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {*FORMULA, "'"} else cell


def _read_csv(content: bytes, encoding: str | None) -> Iterator[list[str]]:
    text = _decode(content, encoding)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    except csv.Error:
        raise FileUnreadableError(reason="not_csv") from None


def is_guessed(content: bytes, *, is_workbook: bool) -> bool:
    """Whether nothing in the file says how its letters are written, so that somebody should look at the names."""
    if is_workbook or _is_utf16(content):
        return False
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return True
    return False


def _is_utf16(content: bytes) -> bool:
    return content[:2] in {b"\xff\xfe", b"\xfe\xff"}


def _decode(content: bytes, encoding: str | None) -> str:
    """UTF-8, or what spreadsheets write in the part of the world that ``encoding`` stands for."""
    other = encoding if encoding in ENCODINGS else ENCODINGS[0]
    for name in ("utf-8-sig", "utf-16") if _is_utf16(content) else ("utf-8-sig",):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    if _is_utf16(content) or b"\0" in content:
        raise FileUnreadableError(reason="not_text")
    # Letters that are none there are shown as such, so that somebody sees it and chooses another.
    return content.decode(other, errors="replace")


def _read_workbook(content: bytes) -> Iterator[list[str]]:
    # Takes a while to load, and most processes never read a workbook.
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_SHEET:
                raise FileUnreadableError(reason="too_large")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for line in book.worksheets[0].iter_rows(values_only=True):
            yield ["" if cell is None else str(cell) for cell in line]
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError):
        raise FileUnreadableError(reason="not_workbook") from None
