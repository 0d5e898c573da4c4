"""One conversation: its language, the turn through the assistant, what is said, and a person who takes over."""
