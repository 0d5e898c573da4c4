"""Takes over models that were trained elsewhere: asks the hub again and again, and loads what is new.

Rasa's own way (``models`` in endpoints.yml) starts without any model until the hub answers. Here the assistant starts
with the one that it has; a newer one comes with its fingerprint as ETag (RFC 9110, section 8.8.3), and Rasa loads it
through its documented address (https://rasa.com/docs/rasa/pages/http-api, PUT /model).
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

logger = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two questions."""
PATIENCE = 120.0
"""Seconds that a download or a loading may take."""


class ModelFollower:
    """One assistant process that keeps up with the hub's newest model.

    ``source`` is the hub's address of it, ``token`` what the hub wants to see, ``server`` this assistant's own address,
    ``present`` the file that it started with.
    """

    def __init__(self, source: str, token: str, *, server: str, present: Path, every: float = EVERY) -> None:
        self._source = source
        self._token = token
        self._server = server
        self._every = every
        self._folder = tempfile.TemporaryDirectory(prefix="assistant-model-")
        self._mark = fingerprint(present)

    def start(self) -> None:
        """Begin, in a thread that ends with the process."""
        threading.Thread(target=self._follow, name="new-models", daemon=True).start()

    def take_over(self) -> bool:
        """Ask once; True when another model was loaded. Raises OSError when either side does not answer."""
        request = urllib.request.Request(
            self._source, headers={"X-Hub-Internal": self._token, "If-None-Match": f'"{self._mark}"'}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (304, 404):
                return False
            raise
        mark = hashlib.sha256(content).hexdigest()
        path = Path(self._folder.name) / f"{mark}.tar.gz"
        path.write_bytes(content)
        try:
            self._load(path)
        finally:
            # Rasa has it in memory by then.
            path.unlink()
        self._mark = mark
        return True

    def _load(self, path: Path) -> None:
        body = json.dumps({"model_file": str(path)}).encode()
        request = urllib.request.Request(
            f"{self._server}/model", data=body, method="PUT", headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE):
            pass

    def _follow(self) -> None:
        while True:
            time.sleep(self._every)
            try:
                if self.take_over():
                    logger.info("model_taken_over")
            except OSError as error:
                logger.warning("model_not_taken_over %s", type(error).__name__)


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, as the hub's ETag has it; empty when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
