"""The process that translates: it loads argostranslate, reads requests on its input, and writes answers on its output.

It is a process of its own so that the models' memory comes back when it ends. It can reach no network and write no
file: both are refused from inside. Each request and each answer is one line of JSON. It ends when its input ends.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import types
from itertools import pairwise
from typing import Any, TextIO

_NETWORK = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_PROCESSES = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class _OneSentence:
    """Stands where argostranslate looks for an end of sentences: what it gets here is one sentence already."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def sentences(self, text: str) -> list[str]:
        return [text]


def _stand_in() -> None:
    """argostranslate imports these to split sentences; the hub does not install them (excludes.txt)."""
    minisbd: Any = types.ModuleType("minisbd")
    minisbd.SBDetect = _OneSentence
    minisbd.models = types.ModuleType("minisbd.models")
    minisbd.models.list_models = lambda: ["en"]
    sys.modules |= {"stanza": types.ModuleType("stanza"), "minisbd": minisbd, "minisbd.models": minisbd.models}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578); it cannot be taken off again."""
    if event in _NETWORK or event in _PROCESSES:
        raise PermissionError(event)
    if event == "open":
        flags = arguments[2] if len(arguments) > 2 else 0
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError(event)


def _load() -> Any:
    _stand_in()
    from argostranslate import translate

    # What was loaded may not have been read yet: the list of packages is made now, before anything is refused.
    translate.get_installed_languages()
    return translate


def _answer(translate: Any, request: dict[str, Any]) -> dict[str, Any]:
    texts: list[str] = request["sentences"]
    route: list[str] = request["route"]
    for source, target in pairwise(route):
        language = translate.get_language_from_code(source)
        other = translate.get_language_from_code(target)
        hop = language.get_translation(other) if language and other else None
        if hop is None:
            return {"error": "pair_missing"}
        # `underlying`: without its cache, which would keep what was said last.
        hop = getattr(hop, "underlying", hop)
        texts = [_translate(hop, text) if text else "" for text in texts]
    return {"texts": texts}


def _translate(translation: Any, sentence: str) -> str:
    """The sentence, or nothing where the model fails at it, as some do when it is very long."""
    try:
        return str(translation.hypotheses(sentence, 1)[0].value)
    except Exception:
        return ""


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer until the input ends."""
    translate = _load()
    sys.addaudithook(_refuse)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        try:
            answer = _answer(translate, request)
        except Exception as error:
            # The name alone: an error's words may hold the text.
            answer = {"error": type(error).__name__}
        print(json.dumps({"id": request["id"], **answer}), file=answers, flush=True)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    # What libraries print goes nowhere; the answers keep the real output.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    serve(os.fdopen(os.dup(0), "r", encoding="utf-8"), answers)


if __name__ == "__main__":
    main()
