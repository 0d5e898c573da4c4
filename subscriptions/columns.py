"""What people call the columns and the cells of a file of subscribers, so that a file need not speak our ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.normalise import fold
from core.texts import Texts
from subscriptions.models import Frequency, Role

COLUMNS = (
    "email",
    "name",
    "city",
    "country",
    "network",
    "role",
    "language",
    "time_zone",
    "contact",
    "city_defaults",
    "topics",
)
"""``contact``: the city named this person for what members must know; ``city_defaults``: may set them (yes or no).
``topics``: ``youth:weekly education:at_once``."""

REASON = "problem"
"""The column that our own file of bad rows has more; reading it back leaves it out."""

_CALLED = {
    "email": (
        "email address, e-mail address, mail, mail address, courriel, mél, mel, adresse, adresse électronique, "
        "adresse e-mail, adresse mail, adresse de courriel, indirizzo e-mail, indirizzo mail, posta elettronica, "
        "correo, البريد الإلكتروني, البريد, بريد إلكتروني, الإيميل"
    ),
    "name": (
        "full name, contact name, person, nom, nom complet, nom et prénom, prénom et nom, nome, nome e cognome, "
        "nome completo, nominativo, nombre, الاسم, اسم, الاسم الكامل"
    ),
    "city": "town, municipality, ville, commune, municipalité, città, comune, ciudad, stadt, المدينة, مدينة, البلدية",
    "country": "country code, pays, code pays, paese, nazione, stato, país, land, البلد, بلد, الدولة",
    "network": "national network, réseau, réseau national, rete, rete nazionale, red, الشبكة, الشبكة الوطنية",
    "role": "function, position, rôle, fonction, ruolo, funzione, rol, الدور, الوظيفة",
    "language": "languages, preferred language, langue, lingua, idioma, sprache, اللغة, لغة",
    "time_zone": "timezone, zone, fuseau horaire, fuseau, fuso orario, fuso, zona horaria, المنطقة الزمنية",
    "contact": "official contact, city contact, personne de contact, contatto, referente, جهة الاتصال",
    "city_defaults": "sets city defaults",
    "topics": (
        "topic, subscriptions, interests, thèmes, thème, sujets, abonnements, argomenti, argomento, temi, iscrizioni, "
        "temas, الموضوعات, الموضوع"
    ),
    REASON: "",
}

YES = frozenset(map(fold, "yes true 1 x y oui vrai sì si vero sí ja نعم".split()))
NO = frozenset(map(fold, ["", *"no false 0 n non faux falso nein لا".split()]))


def find_column(title: str) -> str | None:
    """The column that a title means: in any case, with or without blanks and hyphens, in any of our languages."""
    return _BY_TITLE.get(_key(title))


@dataclass(frozen=True)
class Vocabulary:
    """Titles of topics, roles and frequencies in every language, folded, with the ids that they stand for."""

    topics: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    frequencies: Mapping[str, Frequency] = field(default_factory=dict)

    @classmethod
    def load(cls, texts: Texts, topics: Iterable[str]) -> Vocabulary:
        """From the sentences that people read on our pages."""
        return cls(
            {fold(said): topic for topic in topics for said in _said(texts, [f"topic.{topic}.title"])},
            {
                fold(said): role
                for role in Role
                for said in _said(texts, [f"office.subscriber_role.{role}", f"broadcast.role.{role}"])
            },
            {
                fold(said): frequency
                for frequency in Frequency
                for said in _said(texts, [f"office.frequency.{frequency}", f"preferences.frequency.{frequency}"])
            },
        )

    def split_topics(self, cell: str, known: Iterable[str]) -> list[tuple[str, str]]:
        """Each topic of a cell as it was written, or as its id where a title was written; and its frequency.

        Semicolons, bars and new lines part topics; so do commas and blanks, where they are not part of a title.
        """
        ids = set(known)
        found: list[tuple[str, str]] = []
        for piece in re.split(r"[;|\n]+", cell):
            parts = piece.split(",")
            while parts:
                taken = next((n for n in range(len(parts), 0, -1) if self._one(",".join(parts[:n]), ids)), 0)
                if taken:
                    found.append(self._one(",".join(parts[:taken]), ids) or ("", ""))
                else:
                    found += (
                        [_pair(word) for word in parts[0].split()] if self._has_id(parts[0], ids) else _whole(parts)
                    )
                parts = parts[taken or 1 :]
        return found

    def frequency(self, text: str) -> Frequency | None:
        """The frequency that a word means, if any."""
        return Frequency(text) if text in set(Frequency) else self.frequencies.get(fold(text))

    def _one(self, text: str, ids: set[str]) -> tuple[str, str] | None:
        name, frequency = _pair(text)
        topic = name if name in ids else self.topics.get(fold(name))
        return (topic, frequency) if topic and (" " not in frequency or self.frequency(frequency)) else None

    def _has_id(self, text: str, ids: set[str]) -> bool:
        """Whether a piece is several topics with blanks between them, rather than a title that we do not know."""
        return ":" in text.partition(" ")[0] or any(_pair(word)[0] in ids for word in text.split())


def _whole(parts: Sequence[str]) -> list[tuple[str, str]]:
    return [_pair(parts[0])] if parts[0].strip() else []


def _pair(text: str) -> tuple[str, str]:
    name, _, frequency = text.strip().partition(":")
    return name.strip(), frequency.strip()


def _said(texts: Texts, keys: Iterable[str]) -> Iterable[str]:
    for key in keys:
        for language in texts.languages:
            if texts.has(key, language) and isinstance(said := texts.raw(key, language), str):
                yield said


def _key(title: str) -> str:
    return re.sub(r"[\W_]+", "", fold(title))


_BY_TITLE = {
    _key(name): column for column, names in _CALLED.items() for name in (column, *names.split(",")) if _key(name)
}
