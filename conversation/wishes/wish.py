"""A wish: what somebody said about the messages they get, before anything of it is done.

It holds only what was said. What it changes for a person follows from their present choices (``plan``).
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from subscriptions.models import ChannelName, Choice, Frequency


class Move(StrEnum):
    """What is wanted of one topic."""

    ON = "on"
    OFF = "off"
    MORE = "more"
    LESS = "less"


class Note(StrEnum):
    """Something that was asked for and cannot be had here; it is answered in words."""

    SLOWER = "slower"
    """Less often than weekly."""
    ELSEWHERE = "elsewhere"
    """By another way than mail and Telegram."""
    ADDRESS = "address"
    ERASE = "erase"


class Doubt(StrEnum):
    """What has to be asked before it is clear what is wanted."""

    UNTIL_WHEN = "until_when"
    MORE_OR_NONE = "more_or_none"
    """In French, "plus de" says either."""
    WHICH_LANGUAGE = "which_language"
    NOT_CLEAR = "not_clear"


class TopicWish(BaseModel):
    """What is wanted of one topic."""

    model_config = ConfigDict(frozen=True)

    move: Move = Move.ON
    frequency: Frequency | None = None
    channel: ChannelName | None = None


class Wish(BaseModel):
    """All that was said. What is None or empty was not spoken of."""

    model_config = ConfigDict(frozen=True)

    choice: Choice | None = None
    topics: dict[str, TopicWish] = Field(default_factory=dict)
    only: bool = False
    """The wanted topics, and no others."""
    others: Frequency | None = None
    """For every topic that was not named."""
    frequency: Frequency | None = None
    """For everything that comes now."""
    step: int = 0
    """1: more often, -1: less often."""
    channel: ChannelName | None = None
    language: str | None = None
    paused_until: date | None = None
    resume: bool = False
    quiet_from: time | None = None
    quiet_to: time | None = None
    quiet_days: list[int] = Field(default_factory=list)
    digest_on: int | None = None
    undo: bool = False
    show: bool = False
    notes: list[Note] = Field(default_factory=list)
    doubts: list[Doubt] = Field(default_factory=list)

    @property
    def is_change(self) -> bool:
        """Whether something would be done after a yes."""
        said = self.model_dump(exclude={"show", "notes", "doubts"}, exclude_defaults=True)
        return bool(said)

    @property
    def is_anything(self) -> bool:
        """Whether the sentence spoke of messages at all."""
        return self != Wish()

    @property
    def is_only_named(self) -> bool:
        """Whether nothing was said but the names of topics, as any question about them does."""
        return self == Wish(topics=self.topics) and all(each == TopicWish() for each in self.topics.values())

    def joined(self, later: Wish) -> Wish:
        """This wish as a later sentence of the same talk completes or corrects it."""
        values = self.model_dump() | later.model_dump(exclude_defaults=True)
        starts_anew = later.choice is not None or later.only
        values["topics"] = later.topics if starts_anew else {**self.topics, **later.topics}
        values["only"] = later.only if starts_anew else self.only
        settled = {Doubt.UNTIL_WHEN} if later.paused_until or later.resume else set()
        settled |= {Doubt.WHICH_LANGUAGE} if later.language else set()
        settled |= {Doubt.MORE_OR_NONE} if later.topics else set()
        settled |= {Doubt.NOT_CLEAR} if later.is_change else set()
        values["doubts"] = [doubt for doubt in self.doubts if doubt not in settled] + later.doubts
        values["show"] = False
        return Wish.model_validate(values)
