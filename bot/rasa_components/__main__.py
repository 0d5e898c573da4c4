"""Starts Rasa's own command line, prepared: `python -m rasa_components train ...`, `python -m rasa_components run ...`.

Every option is Rasa's; only `retrain` is ours (retraining.py). What is prepared: telemetry is off, the variables that
endpoints.yml names have a value, TensorFlow is not needed, logs hold no texts, answers of the hub are checked without
compiling their schema anew each time, and what never changes is not worked out anew at each turn (shortcuts.py). With
HUB_MODEL_URL, a running assistant takes over newer models (new_models.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rasa_components.log_privacy import keep_texts_out_of_logs, leave_out_deprecations
from rasa_components.without_tensorflow import stand_in_for_tensorflow

_DEFAULTS = {
    "RASA_TELEMETRY_ENABLED": "false",
    "FORCE_JSON_LOGGING": "true",
    # The hub decides when to train, by a fingerprint of its own; Rasa's cache would only cost time and disk.
    "RASA_MAX_CACHE_SIZE": "0",
    # One message is too little work to share between threads.
    "OPENBLAS_NUM_THREADS": "1",
    # Rasa is written for the SQLAlchemy that it pins.
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "HUB_INTERNAL_URL": "http://127.0.0.1:8000",
    "HUB_INTERNAL_TOKEN": "",
    "HUB_REDIS_URL": "",
}


def main() -> None:
    """Prepares the process and hands over to Rasa, which reads sys.argv."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    stand_in_for_tensorflow()
    leave_out_deprecations()
    if sys.argv[1:2] == ["run"]:
        keep_texts_out_of_logs()

    from rasa.__main__ import main as run_rasa

    from rasa_components.answer_checks import compile_answer_checks
    from rasa_components.shortcuts import take_shortcuts

    compile_answer_checks()
    take_shortcuts()
    if sys.argv[1:2] == ["retrain"]:
        from rasa_components.retraining import retrain

        def train(arguments: list[str]) -> None:
            sys.argv[1:] = arguments
            run_rasa()

        retrain(sys.argv[2:], train)
        return
    if sys.argv[1:2] == ["run"] and os.environ.get("HUB_MODEL_URL"):
        follow_models()
    run_rasa()


def follow_models() -> None:
    """Keep this assistant at the hub's newest model, from the model and the port that it is started with."""
    from rasa_components.new_models import ModelFollower

    options = dict(zip(sys.argv, sys.argv[1:], strict=False))
    ModelFollower(
        os.environ["HUB_MODEL_URL"],
        os.environ["HUB_INTERNAL_TOKEN"],
        server=f"http://127.0.0.1:{options.get('--port', '5005')}",
        present=Path(options.get("--model", "")),
    ).start()


if __name__ == "__main__":
    main()
