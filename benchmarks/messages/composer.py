"""A composer for benchmarks and tests: each reader's own name, language, reason and links, in text and HTML.

It is as personal as the real one, and plain where that one is beautiful.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyMail
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import Address, BroadcastText, Delivery, Subscriber

_FOOT = {
    "en": "You get this because you chose {topic}. Change: {link}",
    "fr": "Vous recevez ceci parce que vous avez choisi {topic}. Modifier : {link}",
    "it": "Ricevete questo perché avete scelto {topic}. Cambia: {link}",
    "ar": "تتلقون هذا لأنكم اخترتم {topic}. للتغيير: {link}",
}
_STYLE = 'style="font-family:sans-serif;line-height:1.5;margin:0 0 16px"'


class PersonalComposer:
    """Composes with two queries for any number of deliveries."""

    def __init__(self, secret_key: str, public_url: str) -> None:
        self._links = Links(secret_key)
        self._public_url = public_url

    async def compose(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> Mapping[str, ReadyMail]:
        """Mails by the id of their delivery."""
        people = (
            select(col(Address.id), col(Address.value), col(Subscriber.name))
            .join(Subscriber, col(Subscriber.id) == col(Address.subscriber_id))
            .where(col(Address.id).in_([row.address_id for row in deliveries]))
        )
        connection = await session.connection()
        found = {row[0]: (row[1], row[2]) for row in await connection.execute(people)}
        broadcasts = {row.broadcast_id for row in deliveries}
        query = select(
            col(BroadcastText.broadcast_id), col(BroadcastText.language), col(BroadcastText.subject),
            col(BroadcastText.body),
        ).where(col(BroadcastText.broadcast_id).in_(broadcasts))  # fmt: skip
        texts: dict[tuple[str | None, str], tuple[str, str]] = {
            (row[0], row[1]): (row[2], row[3]) for row in await connection.execute(query)
        }
        return {
            row.id: self._write(row, *found[row.address_id], *texts[row.broadcast_id, row.language])
            for row in deliveries
            if row.address_id in found and (row.broadcast_id, row.language) in texts
        }

    def _write(self, row: Delivery, address: str, name: str, subject: str, body: str) -> ReadyMail:
        topic = str(row.because.get("topic", ""))
        token = self._links.sign(LinkPurpose.UNSUBSCRIBE, LinkContent(row.subscriber_id, topic))
        link = f"{self._public_url}/unsubscribe/{token}"
        foot = _FOOT[row.language].format(topic=topic, link=link)
        paragraphs = _as_html(body)
        direction = "rtl" if row.language == "ar" else "ltr"
        return ReadyMail(
            id=row.id,
            to=address,
            name=name,
            language=row.language,
            subject=subject,
            text=f"{name},\n\n{body}\n\n{foot}\n",
            html=(
                f'<html lang="{row.language}" dir="{direction}"><body><p {_STYLE}>{escape(name)},</p>\n{paragraphs}'
                f"<p {_STYLE}><small>{escape(foot)}</small></p></body></html>"
            ),
            list_id=topic,
            list_name=topic,
            unsubscribe_url=link,
        )


@lru_cache(maxsize=64)
def _as_html(body: str) -> str:
    """What is the same for all readers of a language is made once."""
    return "".join(f"<p {_STYLE}>{escape(part)}</p>\n" for part in body.split("\n\n"))
