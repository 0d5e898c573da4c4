"""Everything that speaks HTTP: the API, the pages, the assistant's way back into the hub."""
