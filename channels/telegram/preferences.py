"""Preferences as buttons: one message that is edited in place. What the buttons do is decided outside this channel."""

from __future__ import annotations

from channels.telegram.bot import TelegramBot
from channels.telegram.contract import PreferenceScreens, Screen
from channels.telegram.formatting import TICK, Key, Outgoing
from channels.telegram.speaking import Chat, Speaker
from channels.telegram.state import TelegramState

MARK = "~"
"""How the data of these buttons begins."""
LINK = "me_"
"""How what follows /start begins when it connects a chat."""
HOME = "home"


class PreferencesFlow:
    """Shows the screens in a chat."""

    def __init__(self, *, screens: PreferenceScreens, bot: TelegramBot, speaker: Speaker, state: TelegramState) -> None:
        self._screens = screens
        self._bot = bot
        self._speaker = speaker
        self._state = state

    async def link(self, chat: Chat, parameter: str) -> None:
        """Somebody came by the link of their page."""
        await self._speaker.send(
            chat, self._outgoing(chat, await self._screens.link(chat.id, parameter, chat.language))
        )

    async def open(self, chat: Chat) -> bool:
        """Show what somebody gets; False in a chat that nobody has connected."""
        screen = await self._screens.show(chat.id, HOME, chat.language)
        if screen is None:
            return False
        await self._speaker.send(chat, self._outgoing(chat, screen))
        return True

    async def take_press(self, chat: Chat, message_id: int, data: str) -> bool:
        """A button of a screen; what it leads to takes the place of that message. False as for ``open``."""
        screen = await self._screens.show(chat.id, data.removeprefix(MARK), chat.language)
        if screen is None:
            return False
        message = self._outgoing(chat, screen)
        rows = [[Key(key.title, await self._state.shorten(key.data)) for key in row] for row in message.rows]
        await self._bot.change(chat.id, message_id, Outgoing(message.html, rows))
        return True

    async def tell_privacy(self, chat: Chat) -> None:
        """Say what is kept of a connected chat; nothing of another."""
        screen = await self._screens.tell_privacy(chat.id, chat.language)
        if screen is not None:
            await self._speaker.send(chat, self._outgoing(chat, screen))

    async def forget(self, chat: Chat) -> None:
        """Keep nothing of this chat any more."""
        await self._screens.forget(chat.id)

    async def end(self, chat: Chat) -> bool:
        """Nothing to this chat any more; False as for ``open``."""
        screen = await self._screens.end(chat.id, chat.language)
        if screen is not None:
            await self._speaker.send(chat, self._outgoing(chat, screen))
        return screen is not None

    def _outgoing(self, chat: Chat, screen: Screen) -> Outgoing:
        rows = [
            [
                Key((TICK if button.payload in screen.chosen else "") + button.title, MARK + button.payload)
                for button in row
            ]
            for row in screen.rows
        ]
        return Outgoing(self._speaker.plain(chat, screen.text), rows)
