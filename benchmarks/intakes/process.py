"""Hubs to be killed: `python -m benchmarks.intakes.process PORT`, which starts a hub for each line that it reads.

What every hub reads from files that never change (knowledge, texts) is read once, before the process forks. All else,
the wiring, the database and the server, is the child's own, and the child is what is killed.
"""

from __future__ import annotations

import gc
import os
import sys

import uvicorn

from app import build_app, build_hub, build_wording
from core.languages import warm_up
from core.settings import Settings


def main(port: int) -> None:
    settings = Settings(_env_file=None)
    wording = build_wording(settings)
    warm_up()
    gc.freeze()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            app = build_app(settings, hub=build_hub(settings, wording=wording))
            uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, ws="none")
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
