"""When people are told: nothing is lost, nothing is told twice, and never too often."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge_assets.core.alert_events import Event, Kind
from edge_assets.core.alerts import MOST_PARTS, MOST_REMEMBERED, Alert, Memory, Told, decide

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3600.0


def event(id: int, about: str = "m/dataset: leakage", kind: Kind = "gate", part: str = "") -> Event:
    return Event(id, kind, about, f"reason {id}", "mend it", NOON, part)


def at(memory: Memory, minute: float, *events: Event) -> tuple[list[Alert], Memory]:
    upto = max((e.id for e in events), default=memory.after)
    return decide(memory, events, upto, NOON + timedelta(minutes=minute), HOUR)


def test_something_new_is_told_at_once_and_only_once() -> None:
    alerts, memory = at(Memory(0), 0, event(1))
    assert [(alert.newest.id, alert.count) for alert in alerts] == [(1, 1)]
    assert memory.after == 1
    assert at(memory, 1, event(1))[0] == []


def test_what_was_before_is_not_told() -> None:
    assert at(Memory(5), 0, event(4), event(5)) == ([], Memory(5))


def test_nothing_happened_nothing_is_told() -> None:
    assert at(Memory(5), 0) == ([], Memory(5))


def test_repeats_of_one_look_are_one_alert() -> None:
    (alert,), _ = at(Memory(0), 0, *(event(n, part=f"b{n}.csv") for n in range(1, 201)))
    assert (alert.count, alert.newest.id) == (200, 200)
    assert alert.parts == tuple(f"b{n}.csv" for n in range(201 - MOST_PARTS, 201))


def test_repeats_within_the_cool_down_are_told_together_after_it() -> None:
    _, memory = at(Memory(0), 0, event(1))
    for minute in (10, 20, 59):
        alerts, memory = at(memory, minute, event(minute))
        assert alerts == []
    (alert,), memory = at(memory, 60)
    assert (alert.count, alert.newest.id) == (3, 59)
    assert at(memory, 121) == ([], Memory(59))


def test_after_a_quiet_cool_down_it_is_new_again() -> None:
    _, memory = at(Memory(0), 0, event(1))
    (alert,), _ = at(memory, 61, event(2))
    assert alert.count == 1


def test_other_things_do_not_wait() -> None:
    _, memory = at(Memory(0), 0, event(1))
    alerts, _ = at(memory, 1, event(2), event(3, "m/onnx_model: parity"))
    assert [alert.newest.id for alert in alerts] == [3]


def test_an_image_that_was_made_again_is_no_news() -> None:
    _, memory = at(Memory(0), 0, event(1, "m/container_image i1", "waiting"))
    assert at(memory, 1, event(2, "m/container_image i1", "waiting"))[0] == []
    assert at(memory, 61)[0] == [], "it may be approved by now"


def test_a_clock_that_was_set_back_holds_nothing_for_ever() -> None:
    _, memory = at(Memory(0), 9e5, event(1))
    assert len(at(memory, 0, event(2))[0]) == 1


def test_what_is_forgotten_for_room_is_told_first() -> None:
    told = {f"gate {n}": Told(NOON, Alert.first(event(1))) for n in range(MOST_REMEMBERED)}
    alerts, memory = at(Memory(1, told), 1, event(2))
    assert len(memory.told) == MOST_REMEMBERED
    assert len(alerts) == 2


STORIES = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=90),
        st.lists(st.sampled_from(["a", "b", "c"]), max_size=5),
    ),
    max_size=12,
)


@given(STORIES)
def test_every_event_is_told_exactly_once_and_never_too_often(
    story: list[tuple[int, list[str]]],
) -> None:
    memory, minute, number = Memory(0), 0, 0
    counted, last = dict[str, int](), dict[str, int]()
    happened = dict.fromkeys("abc", 0)
    for pause, names in [*story, (61, []), (61, [])]:
        minute += pause
        events = []
        for name in names:
            number += 1
            happened[name] += 1
            events.append(event(number, name))
        alerts, memory = at(memory, minute, *events)
        assert len({alert.newest.key for alert in alerts}) == len(alerts)
        for alert in alerts:
            name = alert.newest.about
            assert minute - last.get(name, -60) >= 60
            last[name] = minute
            counted[name] = counted.get(name, 0) + alert.count
    assert {name: count for name, count in happened.items() if count} == counted


@given(STORIES)
def test_the_memory_survives_as_json(story: list[tuple[int, list[str]]]) -> None:
    adapter, memory, minute = TypeAdapter(Memory), Memory(0), 0
    for number, (pause, names) in enumerate(story):
        minute += pause
        events = [event(number * 10 + n, name, "run") for n, name in enumerate(names)]
        _, memory = at(memory, minute, *events)
        assert adapter.validate_json(adapter.dump_json(memory)) == memory
        assert len(memory.told) <= MOST_REMEMBERED
