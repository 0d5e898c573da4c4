"""Reports as servers send them, about a mail of ours; and mail that looks like it and is none."""

from __future__ import annotations

ID = "0123456789abcdef0123456789abcdef"
DOMAIN = "hub.example.org"
_RETURNED = f"""\
From: "ICC" <news@{DOMAIN}>
Subject: Invitation
To: Gone <gone@example.org>
Message-ID: <{ID}@{DOMAIN}>
Content-Type: text/plain; charset=utf-8

Hello
"""


def report(
    status: str, *, returned: str = "message/rfc822", kind: str = "delivery-status", body: str = _RETURNED
) -> bytes:
    """As Postfix has it; ``status`` are the lines about the recipient."""
    text = f"""\
From: MAILER-DAEMON@mail.example.org
To: news@{DOMAIN}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="B"
Message-ID: <other@mail.example.org>

--B
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/{kind}

Reporting-MTA: dns; mail.example.org
Arrival-Date: Sun, 22 Nov 2026 09:00:00 +0000

{status}
--B
Content-Type: {returned}

{body}
--B--
"""
    return text.replace("\n", "\r\n").encode()


NO_SUCH_USER = """\
Final-Recipient: rfc822; gone@example.org
Original-Recipient: rfc822;gone@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <gone@example.org>: Recipient address rejected: User unknown
"""
EXCHANGE = """\
Final-Recipient: rfc822;gone@example.org
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
"""
EXIM = """\
Action: failed
Final-Recipient: rfc822;gone@example.org
Status: 5.0.0
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 Unrouteable address
"""
FULL = """\
Final-Recipient: rfc822; full@example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox is full
"""
POLICY = """\
Final-Recipient: rfc822; x@example.org
Action: failed
Status: 5.7.26
Diagnostic-Code: smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated.
"""
EXPIRED = """\
Final-Recipient: rfc822; x@example.org
Action: failed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.1]:25: Connection timed out
"""
DELAYED = """\
Final-Recipient: rfc822; x@example.org
Action: delayed
Status: 4.4.1
"""
DELIVERED = """\
Final-Recipient: rfc822; x@example.org
Action: delivered
Status: 2.0.0
"""
COMPLAINT = report(
    "Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1",
    kind="feedback-report",
    returned="text/rfc822-headers",
)
HUMAN = f"""\
From: zoe@example.org
To: news@{DOMAIN}
Subject: Re: Invitation
In-Reply-To: <{ID}@{DOMAIN}>
Content-Type: text/plain

<{ID}@{DOMAIN}> I am out of office. 550 5.1.1
""".encode()
