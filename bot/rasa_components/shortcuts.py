"""Shorter ways to what Rasa 3.6.21 works out anew at every turn, though it does not change.

Together they are a third of a turn: the graph of components is planned by dask three times, all rules are compared with
the conversation four times, all subclasses of an event are searched for each event, an empty domain is built to see
that ours is not, and every call of an action opens a connection of its own. Each function is replaced only where it is
the known one (by the fingerprint of its source): in any other version Rasa's own stays, and the log says so. Where a
shortcut does not apply, Rasa goes its own way.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, Restarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import DEFAULT_REQUEST_TIMEOUT, EndpointConfig

from rasa_components.answer_checks import fingerprint

logger = logging.getLogger(__name__)

Found = tuple[str | None, str | None, bool]
"""The next action, the rule that names it, and whether a loop was interrupted."""

KEPT_FOR = 3.0
"""Seconds for which a silent connection to the hub is used again: less than the hub waits (uvicorn: 5 s)."""

# SHA-256 of the source of each function that is replaced, in Rasa 3.6.21.
_KNOWN = {
    DaskGraphRunner.run: "45f0f52f574f3aa9546a552bf671183e171092c18b66e97f5771a7fa295de37e",
    RulePolicy._find_action_from_rules: "be6da6ee0f5429bd9bbded9f22186f3729469e5b392949493fd34a00ef9531d9",
    Event.resolve_by_type: "b5cf570fa7f286c7059ec73d8880528d03a78b28cf4e80285a46079c0fa65968",
    EndpointConfig.session: "e55aa13d9d4fb4bc440ac33b870a97ee162b76dda7ccb6bf68433567475fdffb",
    Domain.is_empty: "884be90ef485f1d2c0f140657a47f106a7d2785b63b03e46cd699b4072e95369",
}


def take_shortcuts() -> bool:
    """Replaces all of them, or none; says which. Calling it again changes nothing."""
    if getattr(DaskGraphRunner.run, "is_shortcut", False):
        return True
    if any(fingerprint(function) != known for function, known in _KNOWN.items()):
        logger.warning("Rasa's functions are not those of 3.6.21: they stay, and turns are slower.")
        return False
    setattr(DaskGraphRunner, "run", _marked(_run_in_order))
    setattr(RulePolicy, "_find_action_from_rules", _marked(_by_table(RulePolicy._find_action_from_rules)))
    setattr(Event, "resolve_by_type", staticmethod(_marked(_from_known_types(Event.resolve_by_type))))
    setattr(EndpointConfig, "session", _marked(_kept_session))
    setattr(Domain, "is_empty", _marked(_holds_nothing))
    return True


def _marked(function: Callable[..., Any]) -> Callable[..., Any]:
    setattr(function, "is_shortcut", True)
    return function


def _run_in_order(
    self: DaskGraphRunner, inputs: dict[str, Any] | None = None, targets: list[str] | None = None
) -> dict[str, Any]:
    """Run the components one after the other, in an order that is found once for the same targets."""
    wanted = tuple(targets or self._graph_schema.target_names)
    orders: dict[tuple[str, ...], list[str]] = self.__dict__.setdefault("orders_of_targets", {})
    if wanted not in orders:
        orders[wanted] = list(_order(self._graph_schema.nodes, wanted))
    nodes = self._graph_schema.nodes
    done: dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
    try:
        for name in orders[wanted]:
            # What nobody provides is handed on by its name, as dask does; the component then says what it misses.
            received = [done.get(needed, needed) for needed in nodes[name].needs.values()]
            done[name] = self._instantiated_nodes[name](*received)
    except RuntimeError as error:
        raise GraphRunError("Error running runner.") from error
    return dict(done[name] for name in wanted)


def _order(nodes: dict[str, Any], targets: tuple[str, ...]) -> Iterator[str]:
    """The components that the targets need, each after those that it needs itself."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in seen or name not in nodes:
            return
        seen.add(name)
        for needed in nodes[name].needs.values():
            yield from visit(needed)
        yield name

    for target in targets:
        yield from visit(target)


def _by_table(original: Callable[..., Found]) -> Callable[..., Found]:
    def find_action(
        self: RulePolicy, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> Found:
        """Look the action up, where every rule says: this intent, this action, then listen."""
        table = _table_of(self)
        if not table or tracker.active_loop_name is not None:
            return original(self, tracker, domain, use_text_for_last_user_input)
        if use_text_for_last_user_input:
            # No rule is about the words themselves.
            return None, None, False
        intent, done = _turn_so_far(tracker)
        rule = table.get(intent) if intent is not None else None
        if rule is None or done not in ([], [rule.action]):
            return original(self, tracker, domain, use_text_for_last_user_input)
        return (ACTION_LISTEN_NAME, rule.listen_key, False) if done else (rule.action, rule.key, False)

    return find_action


class _Rule:
    """One action for an intent, and the names of the two rules that Rasa has learnt of it."""

    def __init__(self, action: str, key: str, listen_key: str) -> None:
        self.action, self.key, self.listen_key = action, key, listen_key


def _table_of(policy: RulePolicy) -> dict[str, _Rule]:
    """Intents and their rules; empty where a rule says anything else."""
    lookup = policy.lookup
    known: tuple[Any, dict[str, _Rule]] | None = policy.__dict__.get("rules_by_intent")
    if known is None or known[0] is not lookup:
        known = lookup, {} if lookup.get(RULES_FOR_LOOP_UNHAPPY_PATH) else _read_table(lookup.get(RULES, {}))
        policy.__dict__["rules_by_intent"] = known
    return known[1]


def _read_table(rules: dict[str, str]) -> dict[str, _Rule]:
    table: dict[str, _Rule] = {}
    listening = {"prev_action": {"action_name": ACTION_LISTEN_NAME}}
    for key, action in rules.items():
        first, *rest = json.loads(key)
        user = first.get("user", {})
        if not rest:
            if first != {**listening, "user": {"intent": user.get("intent")}}:
                return {}
            done = [first, {"prev_action": {"action_name": action}, "user": user}]
            listen_key = json.dumps(done, sort_keys=True)
            if rules.get(listen_key) != ACTION_LISTEN_NAME:
                return {}
            table[str(user["intent"])] = _Rule(action, key, listen_key)
    return table if len(rules) == 2 * len(table) else {}


def _turn_so_far(tracker: DialogueStateTracker) -> tuple[str | None, list[str]]:
    """The intent of the message that is being answered, and what was done since."""
    done: list[str] = []
    intent: str | None = None
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered) and intent is None:
            intent = event.intent_name
        elif isinstance(event, Restarted):
            return None, done
        elif isinstance(event, ActionExecuted):
            if event.action_name == ACTION_LISTEN_NAME:
                return intent, done
            if intent is not None:
                return None, done
            done.insert(0, str(event.action_name))
    return None, done


def _from_known_types(original: Callable[..., type[Event] | None]) -> Callable[..., type[Event] | None]:
    known: dict[str, type[Event]] = {}
    for kind in all_subclasses(Event):
        known.setdefault(kind.type_name, kind)

    def resolve_by_type(type_name: str, default: type[Event] | None = None) -> type[Event] | None:
        """The class of an event by its name."""
        return known.get(type_name) or original(type_name, default)

    return resolve_by_type


class _Kept:
    """A session of aiohttp that stays open when the request that used it is done."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self.loop = asyncio.get_running_loop()
        login = endpoint.basic_auth
        self._session = aiohttp.ClientSession(
            headers=endpoint.headers,
            auth=aiohttp.BasicAuth(login["username"], login["password"]) if login else None,
            timeout=aiohttp.ClientTimeout(total=DEFAULT_REQUEST_TIMEOUT),
            connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_FOR, limit=0),
        )

    async def __aenter__(self) -> aiohttp.ClientSession:
        return self._session

    async def __aexit__(self, *reason: object) -> None:
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _kept_session(self: EndpointConfig) -> _Kept:
    """The one session of an endpoint, in the loop that runs."""
    kept: _Kept | None = self.__dict__.get("kept_session")
    if kept is None or kept.loop is not asyncio.get_running_loop():
        kept = self.__dict__["kept_session"] = _Kept(self)
    return kept


_NOTHING = Domain.empty().as_dict()


def _holds_nothing(self: Domain) -> bool:
    """Whether the domain is empty."""
    return bool(self.as_dict() == _NOTHING)
