"""What every package needs and that knows no other package: settings, database, clock, errors, languages, texts."""
