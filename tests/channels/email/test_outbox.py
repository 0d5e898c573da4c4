"""Without a mail server, mail is kept for the team to see."""

from __future__ import annotations

from datetime import timedelta

from channels.base import ReadyMail
from channels.email.channel import EmailChannel
from channels.email.message import MailSender
from channels.email.outbox import Outbox, expire_outbox, list_outbox, read_mail
from core.clock import FixedClock
from core.database import Database


def mail(number: int) -> ReadyMail:
    return ReadyMail(
        id=f"{number:032x}",
        to="zoé@example.org".replace("é", "e"),
        language="fr",
        subject=f"Réunion {number}",
        text="Là",
    )


async def test_mail_is_kept_whole_once_and_for_thirty_days(database: Database, clock: FixedClock) -> None:
    channel = EmailChannel(
        sender=MailSender("ICC", "news@hub.example.org"), carrier=Outbox(database, clock), clock=clock
    )
    for number in range(5):
        await channel.send(mail(number))
        clock.at += timedelta(minutes=1)
    # The same mail again, as after a crash.
    await channel.send(mail(2))
    async with database.session() as session:
        kept = await list_outbox(session, limit=3)
        assert [row.subject for row in kept] == ["Réunion 4", "Réunion 3", "Réunion 2"]
        rest = await list_outbox(session, before=kept[-1].id)
        assert [row.subject for row in rest] == ["Réunion 1", "Réunion 0"]
        assert (kept[0].recipient, read_mail(kept[0].content).get_content().strip()) == ("zoe@example.org", "Là")
        clock.at += timedelta(days=30) - timedelta(minutes=4)
        assert await expire_outbox(session, clock) == 1
        assert len(await list_outbox(session)) == 4
