"""The language packages on this machine: which there are, which way leads from one language to another, unpacking one.

A package is argostranslate's: a zip with one folder that holds metadata.json, a CTranslate2 model and its pieces.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from core.languages import SOURCE_LANGUAGE
from core.translation.engine import packages_folder
from core.translation.errors import PackageWrongError

LARGEST = 4_000_000_000
"""Bytes of an unpacked package; those of the index have up to 400 million."""
MOST_FILES = 200
RECORD = "hub.json"


@dataclass(frozen=True, order=True)
class Installed:
    """A package that can be used."""

    source: str
    target: str
    version: str
    sha256: str
    """Of the file that it came in."""

    @property
    def pair(self) -> str:
        return f"{self.source}→{self.target}"


def list_installed(folder: Path) -> list[Installed]:
    """Every package, by language; what cannot be read is none."""
    packages = folder / "packages"
    found = (_read(path) for path in sorted(packages.iterdir())) if packages.is_dir() else ()
    return sorted(package for package in found if package is not None)


def find_route(packages: Iterable[Installed], source: str, target: str) -> tuple[str, ...] | None:
    """The languages from one to the other: directly, else by way of English; None where packages are missing."""
    pairs = {(package.source, package.target) for package in packages}
    for route in ((source, target), (source, SOURCE_LANGUAGE, target)):
        if len(set(route)) == len(route) and all(hop in pairs for hop in pairwise(route)):
            return route
    return None


def hash_file(path: Path) -> str:
    """Its SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(file: Path, folder: Path, *, expect: tuple[str, str] | None = None) -> Installed:
    """Unpack a package and put it in place at once, over an older one. Raises PackageWrongError.

    ``expect``: the languages that it must be for. Whoever translates meanwhile goes on with what was loaded.
    """
    (folder / "incoming").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder / "incoming") as scratch:
        root = _unpack(file, Path(scratch))
        about = _metadata(root)
        source, target = str(about.get("from_code") or ""), str(about.get("to_code") or "")
        if about.get("type", "translate") != "translate" or not (source.isalpha() and target.isalpha()):
            raise PackageWrongError(reason="metadata.json")
        if expect is not None and (source, target) != expect:
            raise PackageWrongError(reason=f"{source}→{target}")
        pieces = any((root / name).is_file() for name in ("sentencepiece.model", "bpe.model"))
        if not pieces or not (root / "model" / "model.bin").is_file():
            raise PackageWrongError(reason="model.bin")
        (root / RECORD).write_text(json.dumps({"sha256": hash_file(file)}), encoding="ascii")
        place, old = packages_folder(folder) / f"{source}_{target}", Path(scratch) / "old"
        if place.exists():
            place.rename(old)
        root.rename(place)
    installed = _read(place)
    assert installed is not None
    return installed


def _unpack(file: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST:
                raise PackageWrongError(reason=str(file.name))
            roots = {PurePosixPath(entry.filename).parts[0] for entry in entries if PurePosixPath(entry.filename).parts}
            if len(roots) != 1 or roots & {"..", "/"}:
                raise PackageWrongError(reason="metadata.json")
            # `extractall` keeps every entry inside the folder, whatever its name says.
            archive.extractall(scratch)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise PackageWrongError(reason=type(error).__name__) from None
    return scratch / roots.pop()


def _metadata(root: Path) -> dict[str, Any]:
    try:
        about = json.loads((root / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise PackageWrongError(reason="metadata.json") from None
    if not isinstance(about, dict):
        raise PackageWrongError(reason="metadata.json")
    return about


def _read(path: Path) -> Installed | None:
    try:
        about = _metadata(path)
        record = json.loads((path / RECORD).read_text(encoding="ascii"))
        return Installed(about["from_code"], about["to_code"], str(about.get("package_version", "")), record["sha256"])
    except (PackageWrongError, OSError, ValueError, KeyError):
        return None


def remove(folder: Path, source: str, target: str) -> bool:
    """Delete a package; False when there is none."""
    place = packages_folder(folder) / f"{source}_{target}"
    if not place.is_dir():
        return False
    shutil.rmtree(place)
    return True


type Progress = Callable[[int, int | None], None]
"""Told how many bytes have come, and how many there will be where that is known."""
