"""What the assistant's actions do, executed in the hub: read the turn, ask the knowledge base, name what to say."""
