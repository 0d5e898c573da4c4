"""Files that people send: found in a message, fetched from Telegram into memory, never onto a disk."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Message

from channels.forms import IncomingFile
from channels.telegram.bot import FileUnavailableError, TelegramBot

MOST_MEGABYTES = 20
"""What Telegram lets a bot download."""


class FileTooLargeError(Exception):
    """Larger than Telegram hands over to bots."""


@dataclass(frozen=True)
class Attachment:
    """A file of a message, not fetched yet. The name and the kind are the sender's."""

    file_id: str
    name: str
    media_type: str
    size: int | None
    is_voice: bool = False


def find_attachment(message: Message) -> Attachment | None:
    """The photo, voice message, audio or document of a message; None for everything else that Telegram can send."""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return Attachment(largest.file_id, "photo.jpg", "image/jpeg", largest.file_size)
    if voice := message.voice:
        return Attachment(voice.file_id, "voice.ogg", voice.mime_type or "audio/ogg", voice.file_size, is_voice=True)
    if audio := message.audio:
        return Attachment(audio.file_id, audio.file_name or "audio", audio.mime_type or "audio/mpeg", audio.file_size)
    if (document := message.document) and message.animation is None:
        kind = document.mime_type or "application/octet-stream"
        return Attachment(document.file_id, document.file_name or "file", kind, document.file_size)
    return None


async def fetch(bot: TelegramBot, attachment: Attachment) -> IncomingFile:
    """Raises FileTooLargeError, FileUnavailableError and ChannelUnavailableError."""
    most = MOST_MEGABYTES * 1024 * 1024
    if attachment.size is not None and attachment.size > most:
        raise FileTooLargeError
    content = await bot.fetch_file(attachment.file_id)
    if len(content) > most:
        raise FileTooLargeError
    return IncomingFile(attachment.name, attachment.media_type, content, is_voice=attachment.is_voice)


__all__ = ["MOST_MEGABYTES", "Attachment", "FileTooLargeError", "FileUnavailableError", "fetch", "find_attachment"]
