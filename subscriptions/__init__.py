"""Who gets which message, when, how and why: subscribers, their choices, broadcasts, events, digests and deliveries."""
