"""The command line: `icchub`, and the supervisor behind `make run`."""
