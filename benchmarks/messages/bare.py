"""The baseline: a bare loop over a few kept connections of aiosmtplib, sending one fixed mail and writing nothing down.

`python -m benchmarks.messages.bare PORT COUNT CONNECTIONS message|bytes` prints the mails a second: with the library's
`send_message`, which writes the mail out each time, or with its `sendmail` and the mail's ready bytes.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import sys
import time
from datetime import UTC, datetime

from aiosmtplib import SMTP

from benchmarks.messages.people import body
from benchmarks.messages.process import SENDER
from channels.base import ReadyMail
from channels.email.message import write_mail


def fixed_mail() -> bytes:
    """One of those that the hub sends."""
    text = body("fr")
    html = "<html><body>" + "".join(f"<p>{part}</p>\n" for part in text.split("\n\n")) + "</body></html>"
    mail = ReadyMail(
        id="0" * 32,
        to="p0@example.org",
        name="Zoë",
        language="fr",
        subject="Invitation",
        text=text,
        html=html,
        unsubscribe_url="https://hub.example.org/unsubscribe/" + "x" * 120,
    )
    return write_mail(mail, sender=SENDER, written_at=datetime.now(UTC))


async def measure(port: int, count: int, connections: int, kind: str) -> float:
    """Mails a second."""
    content, numbers = fixed_mail(), iter(range(count))
    message = email.message_from_bytes(content, policy=email.policy.default)

    async def send() -> None:
        client = SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        for _ in numbers:
            if kind == "message":
                await client.send_message(message)
            else:
                await client.sendmail("news@hub.example.org", ["p0@example.org"], content)
        await client.quit()

    begun = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(connections)))
    return count / (time.perf_counter() - begun)


if __name__ == "__main__":
    port, count, connections = (int(word) for word in sys.argv[1:4])
    print(asyncio.run(measure(port, count, connections, sys.argv[4])))
