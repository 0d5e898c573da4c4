"""Training by one command, with the options that this project always has."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

BOT = Path(__file__).resolve().parent.parent


def retrain(arguments: Sequence[str], run_rasa: Callable[[list[str]], None]) -> None:
    """`python -m rasa_components retrain --out FOLDER --name NAME`: the model appears there when it is whole.

    ``run_rasa`` gets Rasa's own arguments, and exits the process when it fails.
    """
    parser = argparse.ArgumentParser(prog="python -m rasa_components retrain", description=retrain.__doc__)
    parser.add_argument("--out", type=Path, default=BOT / "models")
    parser.add_argument("--name", default="assistant")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    examples = sorted(path for path in (BOT.parent / "nlu_data").iterdir() if len(path.name) == 2)
    run_rasa(
        [
            "train", "--skip-validation",
            "--config", str(BOT / "config" / "config.yml"), "--domain", str(BOT / "domain"),
            "--data", str(BOT / "rules"), *(str(path) for path in examples),
            "--out", str(out), "--fixed-model-name", f".{options.name}",
        ]
    )  # fmt: skip
    (out / f".{options.name}.tar.gz").rename(out / f"{options.name}.tar.gz")
