"""What the hub knows: facts with their sources, texts about them in every language, and the search over both."""
