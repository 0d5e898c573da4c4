"""What tests of mail share."""

from __future__ import annotations

import shutil

import pytest

from tests.services import free_port, missing


@pytest.fixture
def unused_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def openssl() -> str:
    """The program, which makes keys and certificates for tests."""
    return shutil.which("openssl") or missing("openssl")
