"""A Bot API server of our own, on loopback: it refuses what Telegram would refuse, and people write and press there."""
