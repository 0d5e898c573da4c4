"""Drives the preference centre over HTTP, and looks into the database behind it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.confirmation import Purpose, issue
from subscriptions.expanding import expand
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import ChannelName, Delivery, Subscriber, Subscription
from subscriptions.topics import load_topics
from tests.factories import make_broadcast, make_subscriber
from web.state import Hub

LINKS = Links("only-for-tests")
TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


class Centre:
    """The pages, as one browser sees them."""

    def __init__(self, client: TestClient, hub: Hub) -> None:
        self.client = client
        self.hub = hub

    def do[T](self, work: Callable[[AsyncSession], Coroutine[Any, Any, T]]) -> T:
        """Do something in the database."""

        async def in_session() -> T:
            async with self.hub.database.session() as session:
                return await work(session)

        assert self.client.portal is not None
        return self.client.portal.call(in_session)

    def person(self, **values: Any) -> str:
        """A subscriber's id."""
        return self.do(lambda session: make_subscriber(session, **values)).id

    def rows[T](self, model: type[T]) -> list[T]:
        """All rows of a table."""

        async def read(session: AsyncSession) -> list[T]:
            return list(await session.exec(select(model)))

        return self.do(read)

    def row(self, person: str) -> Subscriber:
        """A subscriber as they are now."""
        return self.do(lambda session: session.get_one(Subscriber, person))

    def expand(self, topic: str) -> None:
        """News of a topic, for everybody who chose it."""

        async def work(session: AsyncSession) -> None:
            broadcast = await make_broadcast(session, topic)
            await expand(self.hub.database, broadcast.id, topics=load_topics(), clock=self.hub.clock)

        self.do(work)

    def choices(self) -> dict[str, tuple[str, str | None]]:
        """What is chosen topic by topic."""
        return {row.topic: (row.frequency, row.channel) for row in self.rows(Subscription)}

    def mails(self) -> list[Delivery]:
        """Links that were sent, the oldest first."""

        async def read(session: AsyncSession) -> list[Delivery]:
            query = select(Delivery).where(col(Delivery.broadcast_id).is_(None)).order_by(col(Delivery.created_at))
            return list(await session.exec(query))

        return self.do(read)

    def token_of(self, mail: Delivery) -> str:
        """What stands in the link of a mail."""
        return LINKS.sign_once(mail.parts["number"])

    def sign_in(self, person: str) -> Response:
        """By a link that was asked for."""
        issued = self.do(lambda session: issue(session, person, Purpose.PREFERENCES, links=LINKS, clock=self.hub.clock))
        answer = self.client.post(f"/preferences/enter/{issued.token}")
        assert answer.status_code == 200, answer.text
        return answer

    def foot(self, person: str) -> str:
        """The address at the foot of a message."""
        content = LinkContent(person, channel=ChannelName.EMAIL)
        return f"/preferences/open/{LINKS.sign(LinkPurpose.PREFERENCES, content)}"

    def send(self, path: str, /, **fields: Any) -> Response:
        """Send a form of the own page."""
        found = TOKEN.search(self.client.get("/preferences").text)
        assert found is not None, "nobody is signed in"
        return self.client.post(f"/preferences/{path}", data={"token": found[1]} | fields)

    def text(self, answer: Response) -> str:
        """The words of a page."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
