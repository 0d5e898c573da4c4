"""`python -m cli` is `icchub`."""

from cli.main import run

run()
