"""Somebody who tells a report through the web's pages, and does not give up when the hub does not answer."""

from __future__ import annotations

import asyncio
import html
import io
import random
import re
from dataclasses import dataclass, field

import httpx
from PIL import Image

from reports.receipts import new_receipt, read_receipt

DESK = "bologna"
WAIT = 0.05
"""Seconds before somebody tries again."""
GONE = 410
MOST_PRESSES = 2000
CHOSEN = {"safe": "yes", "minor": "no", "about_city": "no", "desk": DESK, "consent": "agree", "contact": "email"}
WRITTEN = ("when", "area", "grounds", "who", "witnesses", "wishes", "for_whom")
"""Steps whose answers are compared with the sealed report."""

type Fields = dict[str, str | list[str]]


@dataclass(frozen=True)
class Shown:
    """What a page asks."""

    step: str
    fields: Fields
    """What stands in the form already: the draft's key, the step, its version."""
    choices: list[str]
    can_skip: bool
    has_file: bool
    receipt: str | None

    @classmethod
    def of(cls, page: str) -> Shown | None:
        """None for a page that asks nothing any more."""
        hidden = dict(re.findall(r'<input type="hidden" name="(key|step|version|lang)" value="([^"]*)">', page))
        if "step" not in hidden:
            return None
        code = re.search(r'data-copy-text="([\d ]+)"', page)
        return cls(
            step=hidden["step"],
            fields={**hidden},
            choices=[html.unescape(value) for value in re.findall(r'name="values" value="([^"]*)"', page)],
            can_skip='name="action" value="skip"' in page,
            has_file='class="file-name"' in page,
            receipt=read_receipt(code[1]) if code else None,
        )


@dataclass
class Person:
    """One person. ``answered`` holds what the hub has confirmed by showing the next question."""

    number: int
    http: httpx.AsyncClient
    dice: random.Random
    key: str = field(default_factory=new_receipt)
    answered: dict[str, tuple[list[str], str | None]] = field(default_factory=dict)
    receipt: str = ""
    asked_twice: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0
    is_over: bool = False

    @property
    def story(self) -> str:
        return f"The landlord of house number {self.number} said: no foreigners. {'word ' * (self.number % 7)}end"

    @property
    def brings_a_photo(self) -> bool:
        return self.number % 3 == 0

    async def tell(self) -> None:
        """From the first page to the last."""
        # Some write fast and some slowly, so that at every instant somebody begins and somebody sends.
        pace = 0.004 * 2 ** self.dice.uniform(0, 6)
        shown = await self._post({"action": "begin", "key": self.key, "lang": "en"})
        for _ in range(MOST_PRESSES):
            if shown is None:
                return
            await asyncio.sleep(self.dice.random() * pace)
            shown = await self._answer(shown)
        raise AssertionError(f"person {self.number} never came to the end")

    async def _answer(self, shown: Shown) -> Shown | None:
        """Press once; what the hub shows next says whether it was taken."""
        if shown.step in self.answered:
            self.asked_twice.append(shown.step)
        if shown.receipt is not None:
            self.receipt = shown.receipt
        if shown.step == "evidence" and self.brings_a_photo and not shown.has_file:
            return await self._post({**shown.fields, "action": "add"}, photo=_photo(self.number))
        given = self._choose(shown)
        after = await self._post({**shown.fields, **given})
        if after is None or after.step != shown.step:
            values, text = given.get("values", []), given.get("text")
            assert isinstance(values, list)
            assert not isinstance(text, list)
            self.answered.setdefault(shown.step, (values, text))
        return after

    def _choose(self, shown: Shown) -> Fields:
        match shown.step:
            case "where":
                return {"action": "answer", "text": "Bologna"}
            case "story":
                return {"action": "answer", "text": self.story}
            case "contact_value":
                return {"action": "answer", "text": f"person{self.number}@example.org"}
            case "evidence" | "review":
                return {"action": "next"}
            case "receipt":
                return {"action": "answer", "text": self.receipt[-5:]}
            case "send":
                return {"action": "send"}
            case "keep_out":
                return {"action": "answer", "values": []}
            case step if step in CHOSEN:
                return {"action": "answer", "values": [CHOSEN[step]]}
            case step if step in self.answered or not shown.choices:
                return {"action": "skip" if shown.can_skip else "answer"}
            case _:
                return {"action": "answer", "values": [self.dice.choice(shown.choices)]}

    async def _post(self, fields: Fields, photo: bytes | None = None) -> Shown | None:
        """Until there is an answer: the same page again, or the report opened anew with its pause code."""
        files = {"files": ("photo.jpg", photo, "image/jpeg")} if photo else None
        is_sending, is_again = fields.get("action") == "send", False
        while True:
            try:
                response = await self.http.post("/report", data=fields, files=files)
            except httpx.TransportError:
                self.unanswered += not is_again
                is_again = True
                await asyncio.sleep(WAIT)
                if self.dice.random() < 0.5 and not is_sending and fields.get("action") != "begin":
                    fields, files = {"action": "resume", "code": self.key, "lang": "en"}, None
                continue
            break
        if response.status_code == GONE and is_sending and is_again:
            # It was sent before the hub was killed; the page says so, and the code opens it.
            self.is_over = True
            return None
        if response.status_code != 200:
            self.refused.append(f"{response.status_code} at {fields.get('step')}")
            if response.status_code == GONE:
                self.is_over = True
                return None
        shown = Shown.of(response.text)
        if shown is None:
            self.is_over = True
        return shown


def _photo(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (number % 256, 80, 120)).save(out, "JPEG")
    return out.getvalue()
