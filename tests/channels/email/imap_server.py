"""As much of an IMAP server as reading reports needs, on loopback, in a thread of its own."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mailbox:
    """Mails by their number; those that are read; what was asked."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    password: str = "secret"


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box: Mailbox = self.server.box  # type: ignore[attr-defined]
        self._say("* OK IMAP4rev1 ready")
        while line := self.rfile.readline().decode().strip():
            tag, _, command = line.partition(" ")
            box.commands.append(command if not command.startswith("LOGIN") else "LOGIN")
            if command == "CAPABILITY":
                self._say("* CAPABILITY IMAP4rev1")
            elif command.startswith("LOGIN") and not command.endswith(f'"{box.password}"'):
                self._say(f"{tag} NO wrong")
                continue
            elif command.startswith(("SELECT", "EXAMINE")):
                if '"INBOX"' not in command:
                    self._say(f"{tag} NO no such folder")
                    continue
                self._say(f"* {len(box.mails)} EXISTS")
            elif command.startswith("UID SEARCH"):
                unread = {uid: mail for uid, mail in box.mails.items() if uid not in box.seen}
                asked = re.search(r'HEADER (\S+) "?([^"]+)"?$', command)
                assert asked is not None, command
                # Like servers do: the header holds the words, in any case.
                found = re.compile(rf"^{asked[1]}:.*{re.escape(asked[2])}".encode(), re.IGNORECASE | re.MULTILINE)
                self._say("* SEARCH " + " ".join(str(uid) for uid, mail in unread.items() if found.search(mail)))
            elif wanted := re.match(r"UID FETCH (\d+)", command):
                mail = box.mails[int(wanted[1])]
                self.wfile.write(f"* 1 FETCH (UID {wanted[1]} BODY[]<0> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n")
            elif marked := re.match(r"UID STORE (\S+) \+FLAGS", command):
                box.seen |= {int(uid) for uid in marked[1].split(",")}
            elif command == "LOGOUT":
                self._say("* BYE")
                self._say(f"{tag} OK")
                return
            self._say(f"{tag} OK done")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def imap_server() -> Iterator[Mailbox]:
    """A running one."""
    box = Mailbox()
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.box = box  # type: ignore[attr-defined]
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
