"""Lets Rasa start where TensorFlow is not installed.

Rasa imports TensorFlow for components that this assistant does not use (DIET, TED, response selectors): 5 seconds and
300 MB for nothing. Its classes only need names to be defined; these stand-ins give them, and raise as soon as one of
them is really used. Where TensorFlow is installed (the benchmark of the DIET pipeline), nothing is replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn

_PACKAGES = ("tensorflow", "keras")


class _AbsentType(type):
    """Every attribute of an absent class is an absent class, so that names and type hints resolve."""

    def __getattr__(cls, name: str) -> type:
        return _make_absent(f"{cls.__name__}.{name}", name)

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(
            f"{cls.__name__} needs TensorFlow, which is not installed. "
            "A component of this configuration uses it: install bot/requirements-diet.lock, or take the component out."
        )


class _AbsentModule(ModuleType):
    """Every name in it is an absent class."""

    def __getattr__(self, name: str) -> type:
        return _make_absent(f"{self.__name__}.{name}", name)


class _AbsentPackages(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.partition(".")[0]
        return ModuleSpec(fullname, self, is_package=True) if package in _PACKAGES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: names are made when they are asked for."""


def _make_absent(full_name: str, name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return _AbsentType(full_name, (), {})


def stand_in_for_tensorflow() -> bool:
    """Registers the stand-ins, before Rasa is imported; says whether they were needed."""
    if "tensorflow" in sys.modules or find_spec("tensorflow") is not None:
        return False
    sys.meta_path.append(_AbsentPackages())
    return True
