"""Training by one command, with the options that this project always has."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rasa_components.team_examples import fetch

BOT = Path(__file__).resolve().parent.parent


def retrain(arguments: Sequence[str], run_rasa: Callable[[list[str]], None]) -> None:
    """`python -m rasa_components retrain --out FOLDER --name NAME`: the model appears there when it is whole.

    `--examples FILE` adds a file of examples to those of the project. Without it, and with the hub's token at hand,
    the team's own examples are fetched from the hub, and the model's name ends with their mark. ``run_rasa`` gets
    Rasa's own arguments, and exits the process when it fails.
    """
    parser = argparse.ArgumentParser(prog="python -m rasa_components retrain", description=retrain.__doc__)
    parser.add_argument("--out", type=Path, default=BOT / "models")
    parser.add_argument("--name", default="assistant")
    parser.add_argument("--examples", type=Path)
    options = parser.parse_args(arguments)
    out, name = options.out.resolve(), options.name
    out.mkdir(parents=True, exist_ok=True)
    examples = sorted(path for path in (BOT.parent / "nlu_data").iterdir() if len(path.name) == 2)
    with tempfile.TemporaryDirectory(prefix="team-examples-") as folder:
        added = options.examples
        if added is None and os.environ.get("HUB_INTERNAL_TOKEN"):
            answer = fetch()
            if answer is not None and answer.mark:
                added, name = Path(folder) / "team.yml", f"{name}-{answer.mark}"
                added.write_bytes(answer.content)
        run_rasa(
            [
                "train", "--skip-validation",
                "--config", str(BOT / "config" / "config.yml"), "--domain", str(BOT / "domain"),
                "--data", str(BOT / "rules"), *(str(path) for path in examples), *([str(added)] if added else []),
                "--out", str(out), "--fixed-model-name", f".{name}",
            ]
        )  # fmt: skip
    (out / f".{name}.tar.gz").rename(out / f"{name}.tar.gz")
