"""The shortcuts stand in for the functions of Rasa 3.6.21, and come to the same as these."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web
from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, Restarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

original_run = DaskGraphRunner.run
original_find = RulePolicy._find_action_from_rules

from rasa_components.shortcuts import take_shortcuts  # noqa: E402  (the originals are kept first)

DOMAIN = Domain.from_dict(
    {"intents": ["greet", "deny", "other"], "actions": ["action_talk", "action_cancel"], "slots": {}}
)

_UNKNOWN_RASA = """
import rasa_components.without_tensorflow as w; w.stand_in_for_tensorflow()
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
import rasa_components.shortcuts as shortcuts
def other(self): return True
Domain.is_empty = other
before = DaskGraphRunner.run
shortcuts._KNOWN = {**{f: k for f, k in shortcuts._KNOWN.items() if f.__name__ != "is_empty"}, other: "x"}
assert shortcuts.take_shortcuts() is False
assert DaskGraphRunner.run is before
"""


@pytest.fixture(autouse=True)
def shortened() -> None:
    assert take_shortcuts(), "Rasa's functions are not the known ones: read shortcuts.py before pinning anew."


def _rules(*pairs: tuple[str, str]) -> dict[str, str]:
    rules = {}
    for intent, action in pairs:
        asked = {"prev_action": {"action_name": "action_listen"}, "user": {"intent": intent}}
        done = {"prev_action": {"action_name": action}, "user": {"intent": intent}}
        rules[json.dumps([asked])] = action
        rules[json.dumps([asked, done])] = "action_listen"
    return rules


def _policy(rules: dict[str, str], tmp_path: Any, **more: Any) -> RulePolicy:
    storage = LocalModelStorage(tmp_path)
    context = ExecutionContext(GraphSchema({}))
    policy = RulePolicy(RulePolicy.get_default_config(), storage, Resource("rules"), context)
    policy.lookup = {RULES: rules, RULES_FOR_LOOP_UNHAPPY_PATH: {}, **more}
    return policy


def _tracker(*events: Event) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("someone", list(events), domain=DOMAIN)


def _said(intent: str) -> UserUttered:
    return UserUttered("words", intent={"name": intent, "confidence": 0.9})


LISTEN = ActionExecuted("action_listen")
TURNS = [
    [LISTEN, _said("greet")],
    [LISTEN, _said("greet"), SlotSet("misses", 1), ActionExecuted("action_talk"), SlotSet("misses", 0)],
    [LISTEN, _said("greet"), ActionExecuted("action_talk"), LISTEN, _said("deny")],
    [LISTEN, _said("greet"), ActionExecuted("action_talk"), LISTEN, _said("deny"), ActionExecuted("action_cancel")],
    [LISTEN, _said("deny"), ActionExecuted("action_cancel"), ActionExecuted("action_cancel")],
    [LISTEN, _said("deny"), ActionExecuted("action_talk")],
    [LISTEN, _said("greet"), ActionExecuted("action_talk"), Restarted()],
    [LISTEN, _said("other")],
    [LISTEN],
    [],
]


@pytest.mark.parametrize("events", TURNS)
def test_the_table_decides_as_the_rules_do(events: list[Event], tmp_path: Any) -> None:
    policy, tracker = _policy(_rules(("greet", "action_talk"), ("deny", "action_cancel")), tmp_path), _tracker(*events)
    found = policy._find_action_from_rules(tracker, DOMAIN, False)
    assert found == original_find(policy, tracker, DOMAIN, False)
    assert policy._find_action_from_rules(tracker, DOMAIN, True)[0] is None


def test_a_rule_about_anything_else_is_left_to_rasa(tmp_path: Any) -> None:
    asked = {"prev_action": {"action_name": "action_listen"}, "slots": {"pending": [1.0]}, "user": {"intent": "greet"}}
    rules = _rules(("deny", "action_cancel")) | {json.dumps([asked]): "action_talk"}
    tracker = _tracker(LISTEN, _said("greet"))
    policy = _policy(rules, tmp_path)
    assert policy._find_action_from_rules(tracker, DOMAIN, False)[0] is None, "the slot is not set"


def test_events_are_found_by_their_names() -> None:
    for kind in all_subclasses(Event):
        assert Event.resolve_by_type(kind.type_name).type_name == kind.type_name
    assert Event.resolve_by_type("nothing_known", UserUttered) is UserUttered


def test_a_domain_with_something_in_it_is_not_empty() -> None:
    assert Domain.empty().is_empty()
    assert not DOMAIN.is_empty()


def _runner(needs: dict[str, dict[str, str]], failure: Exception | None = None) -> DaskGraphRunner:
    """A runner of components that tell their name and what they were given; the last one may fail."""

    def component(name: str) -> Any:
        def call(*received: Any) -> tuple[str, Any]:
            if failure is not None and name == "last":
                raise failure
            return name, [name, *(part if isinstance(part, str) else part[1] for part in received)]

        return call

    nodes = {
        name: SchemaNode(needs=parts, uses=RulePolicy, constructor_name="", fn="", config={}, is_target=name == "last")
        for name, parts in needs.items()
    }
    runner = DaskGraphRunner.__new__(DaskGraphRunner)
    runner._graph_schema = GraphSchema(nodes)
    runner._instantiated_nodes = {name: component(name) for name in needs}
    runner._execution_context = ExecutionContext(runner._graph_schema)
    return runner


NEEDS = {
    "last": {"a": "left", "b": "right", "c": "__message__", "d": "__nothing__"},
    "left": {"a": "first"},
    "right": {"a": "first", "b": "left"},
    "first": {"a": "__message__"},
    "other": {"a": "first"},
}


@pytest.mark.parametrize("targets", [None, ["right"], ["other", "left"]])
def test_components_run_as_in_rasas_graph(targets: list[str] | None) -> None:
    inputs = {"__message__": "hello"}
    assert _runner(NEEDS).run(inputs, targets) == original_run(_runner(NEEDS), inputs, targets)


def test_a_broken_component_is_told_as_rasa_tells_it() -> None:
    with pytest.raises(GraphRunError):
        _runner(NEEDS, RuntimeError("broken")).run({"__message__": "hello"})
    with pytest.raises(KeyError):
        _runner(NEEDS, KeyError("broken")).run({"__message__": "hello"})


def test_another_rasa_keeps_its_own_functions() -> None:
    subprocess.run([sys.executable, "-c", _UNKNOWN_RASA], check=True)


async def _ask_hub(times: int, *, breaks_off: bool = False, status: int = 200) -> tuple[list[Any], int]:
    """What calls of one endpoint come to, one after the other, and over how many connections they went."""
    peers: set[Any] = set()

    async def answer(request: web.Request) -> web.Response:
        peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        response = web.json_response({"heard": await request.json()}, status=status)
        if breaks_off:
            response.force_close()
        return response

    hub = web.Application()
    hub.router.add_post("/webhook", answer)
    runner = web.AppRunner(hub)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    endpoint = EndpointConfig(f"http://127.0.0.1:{port}/webhook", headers={"X-Key": "k"})
    try:
        return [await endpoint.request(json={"n": number}) for number in range(times)], len(peers)
    finally:
        await endpoint.session().close()
        await runner.cleanup()


def test_the_calls_of_actions_share_a_connection() -> None:
    answers, connections = asyncio.run(_ask_hub(3))
    assert answers == [{"heard": {"n": 0}}, {"heard": {"n": 1}}, {"heard": {"n": 2}}]
    assert connections == 1


def test_a_connection_that_the_hub_ended_is_not_used_again() -> None:
    answers, connections = asyncio.run(_ask_hub(2, breaks_off=True))
    assert answers == [{"heard": {"n": 0}}, {"heard": {"n": 1}}]
    assert connections == 2


def test_a_refusal_of_the_hub_is_told_as_before() -> None:
    with pytest.raises(ClientResponseError):
        asyncio.run(_ask_hub(1, status=503))
