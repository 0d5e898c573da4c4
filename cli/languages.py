"""`icchub languages`: the hub's languages, and the packages with which a machine translates between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from cli.words import say
from core.languages import LANGUAGES
from core.settings import Settings
from core.translation.index import ADDRESS, choose, fetch, read_index
from core.translation.packages import Installed, install, list_installed, remove

languages_app = typer.Typer(no_args_is_help=True, help=say("help.languages"))
console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
TIMEOUT = httpx.Timeout(30.0)


@languages_app.command("list", help=say("help.languages_list"))
def languages_list(as_json: AsJson = False) -> None:
    packages = list_installed(Settings().translation_dir)
    rows = [
        {
            "code": code,
            "name": language.own_name,
            "released": language.released,
            "direction": language.direction,
            "translates_to": sorted(package.target for package in packages if package.source == code),
        }
        for code, language in LANGUAGES.items()
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        console.print(f"{row['code']}  {row['name']}  {'✓' if row['released'] else ''}")
    console.print(say("translation.packages", count=len(packages)) if packages else say("translation.none"))
    for package in packages:
        _print_package(package)


@languages_app.command("install", help=say("help.languages_install"))
def languages_install(
    languages: Annotated[list[str] | None, typer.Argument(help=say("help.languages_codes"))] = None,
    file: Annotated[list[Path] | None, typer.Option("--file", help=say("help.languages_file"))] = None,
    as_json: AsJson = False,
) -> None:
    settings = Settings()
    if not languages and not file:
        raise typer.BadParameter(say("translation.nothing_asked"))
    installed = [install(path, settings.translation_dir) for path in file or ()]
    if languages:
        installed += _fetch_all(languages, settings)
    if as_json:
        rows = [{"source": one.source, "target": one.target, "sha256": one.sha256} for one in installed]
        print(json.dumps(rows, indent=2))
        return
    for package in installed:
        _print_package(package)
    console.print(say("translation.installed", count=len(installed)))


@languages_app.command("remove", help=say("help.languages_remove"))
def languages_remove(source: str, target: str) -> None:
    if not remove(Settings().translation_dir, source, target):
        console.print(say("translation.not_there", pair=f"{source}→{target}"))
        raise typer.Exit(1)
    console.print(say("translation.removed", pair=f"{source}→{target}"))


def _fetch_all(languages: list[str], settings: Settings) -> list[Installed]:
    """Both directions of every language, from and to English."""
    installed = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with httpx.Client(timeout=TIMEOUT) as http, Progress(*columns, console=messages) as bars:
        available = read_index(http, settings.translation_index or ADDRESS)
        wanted = [package for language in dict.fromkeys(languages) for package in choose(available, language)]
        for package in wanted:
            bar = bars.add_task(f"{package.source}→{package.target}", total=None)

            def show(come: int, total: int | None, bar: object = bar) -> None:
                bars.update(bar, completed=come, total=total)  # type: ignore[arg-type]

            installed.append(fetch(http, package, settings.translation_dir, progress=show))
    return installed


def _print_package(package: Installed) -> None:
    console.print(f"  {package.pair}  {package.version}  sha256 {package.sha256}", markup=False, soft_wrap=True)
