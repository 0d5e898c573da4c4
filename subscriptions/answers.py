"""The team's answer to a subscriber's own question: it comes before pauses, and by whatever way works."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.errors import SubscriberNotFoundError
from subscriptions.models import ChannelName, Delivery
from subscriptions.rules import Rule
from subscriptions.subscribers import get_subscriber, list_addresses, new_id


async def queue_answer(
    session: AsyncSession,
    subscriber_id: str,
    *,
    number: int,
    question: str,
    answer: str,
    language: str,
    clock: Clock,
) -> Delivery:
    """Queue the answer to the question with this number. The caller commits.

    Raises SubscriberNotFoundError when the person is gone or left no way to be reached.
    """
    subscriber = await get_subscriber(session, subscriber_id)
    addresses = await list_addresses(session, subscriber_id)
    address = addresses.get(ChannelName.EMAIL) or addresses.get(ChannelName.TELEGRAM)
    if subscriber.left_at is not None or address is None:
        raise SubscriberNotFoundError
    delivery = Delivery(
        id=new_id(),
        message=f"answer/{number}",
        address_id=address.id,
        subscriber_id=subscriber_id,
        channel=address.channel,
        language=language,
        because={"rule": Rule.ANSWER},
        due_at=clock.now(),
        parts={"question": question, "answer": answer},
        created_at=clock.now(),
    )
    session.add(delivery)
    return delivery
