"""The queue: which caller is matched with which agent."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ivr.agents import presence
from ivr.agents.presence import AgentState, Presence
from ivr.agents.queue import QueuedCaller, callers_ahead, match_agents, unavailable_reason
from ivr.agents.roster import Agent


def agent(name: str, *skills: str) -> Agent:
    return Agent(name, name, f"phone-{name}", frozenset(skills))


def free(since: float) -> Presence:
    return Presence(here=True, reachable=True, idle_since=since)


def queued(call: str, *needs: str, tried: tuple[str, ...] = ()) -> QueuedCaller:
    return QueuedCaller(call, frozenset(needs), frozenset(tried))


A, B, C = agent("a"), agent("b", "en-US"), agent("c")


def test_the_first_caller_gets_the_longest_idle_agent():
    presences = {"a": free(30.0), "b": free(10.0), "c": free(20.0)}
    assert match_agents([queued("1")], [A, B, C], presences) == {"1": "b"}
    assert match_agents([queued("1"), queued("2")], [A, B, C], presences) == {"1": "b", "2": "c"}


def test_the_first_of_two_callers_gets_the_only_agent():
    assert match_agents([queued("1"), queued("2")], [A], {"a": free(1.0)}) == {"1": "a"}


def test_a_caller_with_an_offer_takes_no_second_agent():
    presences = {"a": free(1.0)}
    assert match_agents([QueuedCaller("1", offered=True), queued("2")], [A], presences) == {"2": "a"}


def test_only_available_agents_on_duty_get_offers():
    presences = {"a": presence.set_away(free(1.0)), "b": presence.offer(free(2.0), "x", "hotline", "n"), "c": free(3.0)}
    assert match_agents([queued("1")], [A, B], presences) == {}
    assert match_agents([queued("1")], [A, B, C], presences) == {"1": "c"}
    assert match_agents([queued("1")], [A, agent("unheard-of")], presences) == {}


def test_who_missed_offers_is_offered_nothing_and_nobody_waits_for_them():
    presences = {"a": replace(free(1.0), missed=2), "b": free(2.0)}
    assert match_agents([queued("1")], [A, B], presences) == {"1": "b"}
    assert unavailable_reason(queued("1"), [A], presences) == "unavailable"
    assert unavailable_reason(queued("1"), [A, B], presences) == ""


def test_a_caller_who_needs_a_skill_waits_and_holds_up_nobody():
    presences = {"a": free(1.0), "b": presence.offer(free(2.0), "x", "hotline", "n")}
    assert match_agents([queued("1", "en-US"), queued("2")], [A, B], presences) == {"2": "a"}


def test_an_agent_who_did_not_take_a_caller_gets_no_second_offer():
    presences = {"a": free(1.0), "b": free(2.0)}
    assert match_agents([queued("1", tried=("a",))], [A, B], presences) == {"1": "b"}
    assert match_agents([queued("1", tried=("a",)), queued("2")], [A], presences) == {"2": "a"}


def test_a_caller_waits_while_an_agent_may_become_available():
    busy = presence.accept(presence.offer(free(1.0), "x", "hotline", "n"), "x")
    assert unavailable_reason(queued("1"), [A], {"a": busy}) == ""
    assert unavailable_reason(queued("1"), [A], {"a": presence.set_away(free(1.0))}) == "unavailable"
    assert unavailable_reason(queued("1"), [A], {"a": presence.set_reachable(free(1.0), False)}) == "unreachable"
    assert unavailable_reason(queued("1", tried=("a",)), [A], {"a": busy}) == "unavailable"
    assert unavailable_reason(queued("1", "en-US"), [A], {"a": busy}) == "unavailable"
    assert unavailable_reason(queued("1"), [], {}) == "unavailable"


def test_the_number_of_callers_ahead():
    queue = [queued("1"), queued("2"), queued("3")]
    assert [callers_ahead(queue, call) for call in ("1", "2", "3")] == [0, 1, 2]


SKILLS = st.frozensets(st.sampled_from(["en-US", "heating"]))
AGENTS = st.lists(st.builds(agent, st.sampled_from("abcdef")), unique_by=lambda one: one.id).flatmap(
    lambda people: st.tuples(*(SKILLS.map(lambda known, one=one: agent(one.id, *known)) for one in people))
)
PRESENCES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Presence, here=st.booleans(), reachable=st.booleans(), idle_since=st.floats(0, 100)),
)
QUEUES = st.lists(
    st.builds(
        QueuedCaller, st.integers(0, 9).map(str), SKILLS, st.frozensets(st.sampled_from("abcdef")), st.booleans()
    ),
    unique_by=lambda one: one.call,
)


@given(QUEUES, AGENTS, PRESENCES)
def test_matches_are_unique_and_suitable_and_no_suitable_agent_stays_idle(queue, agents, presences):
    matched = match_agents(queue, agents, presences)
    known, callers = {one.id: one for one in agents}, {one.call: one for one in queue}
    assert len(set(matched.values())) == len(matched)
    for call, name in matched.items():
        assert presences[name].state is AgentState.AVAILABLE and callers[call].suits(known[name])
    idle = [one for one in agents if presences.get(one.id, Presence()).state is AgentState.AVAILABLE]
    for caller in queue:
        if caller.call not in matched:
            assert caller.offered or not [one for one in idle if caller.suits(one) and one.id not in matched.values()]
        else:
            assert unavailable_reason(caller, agents, presences) == ""
