"""Telegram: the only folder that knows python-telegram-bot. README.md says what it promises."""

import os

# The library's own switch: without it, every refusal with a waiting time (RetryAfter) is a deprecation warning first.
os.environ.setdefault("PTB_TIMEDELTA", "true")
