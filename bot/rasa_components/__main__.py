"""Starts Rasa's own command line, prepared: `python -m rasa_components train ...`, `python -m rasa_components run ...`.

Every option is Rasa's. What is prepared: telemetry is off, the variables that endpoints.yml names have a value,
TensorFlow is not needed, logs hold no texts, and answers of the hub are checked without compiling their schema anew
each time.
"""

from __future__ import annotations

import os
import sys

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

    compile_answer_checks()
    run_rasa()


if __name__ == "__main__":
    main()
