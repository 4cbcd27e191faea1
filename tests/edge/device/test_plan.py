from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.device.config import AgentConfig
from edge.device.manifest import ModuleSpec
from edge.device.plan import (
    Action,
    Adopt,
    ClearCounters,
    Fetch,
    ImageState,
    ImageStatus,
    Install,
    Remove,
    Start,
    Stop,
    decide,
    deployment_status,
)
from edge.device.restart import ModuleRecord, RuntimeStatus, exited

CONFIG = AgentConfig()
READY = ImageState(ImageStatus.READY)
PULLING = ImageState(ImageStatus.PULLING)


def spec(name: str = "a", definition: str = "1", **fields: object) -> ModuleSpec:
    base = ModuleSpec(name, f"i{definition}", definition=definition)
    return replace(base, **fields)  # type: ignore[arg-type]


def running(module: ModuleSpec, **fields: object) -> ModuleRecord:
    record = ModuleRecord(module, status=RuntimeStatus.RUNNING, last_start=0.0)
    return replace(record, **fields)  # type: ignore[arg-type]


def plan(
    modules: list[ModuleSpec],
    records: list[ModuleRecord],
    images: dict[tuple[str, str], ImageState] | None = None,
    now: float = 100.0,
) -> list[Action]:
    wanted = {module.name: module for module in modules}
    have = {record.spec.name: record for record in records}
    return decide(wanted, have, images or {}, now, CONFIG)


def test_a_new_module_is_fetched_then_installed() -> None:
    assert plan([spec()], []) == [Fetch(spec())]
    assert plan([spec()], [], {("a", "i1"): PULLING}) == []
    assert plan([spec()], [], {("a", "i1"): READY}) == [Install(spec())]


def test_what_runs_as_it_should_is_left_alone() -> None:
    assert plan([spec()], [running(spec())]) == []


def test_only_the_module_that_changed_is_replaced() -> None:
    images = {("a", "i2"): READY}
    new = spec("a", "2")
    assert plan([new, spec("b")], [running(spec("a")), running(spec("b"))], images) == [
        Install(new)
    ]


def test_a_module_that_left_is_removed_before_anything_begins() -> None:
    images = {("a", "i1"): READY}
    assert plan([spec("a")], [running(spec("z"))], images) == [Remove("z"), Install(spec("a"))]


def test_modules_begin_in_their_order() -> None:
    images = {("a", "i1"): READY, ("b", "i1"): READY}
    first = spec("b", startup_order=1)
    assert plan([spec("a"), first], [], images) == [Install(first), Install(spec("a"))]


def test_a_module_waits_for_the_image_of_one_that_starts_before_it() -> None:
    first, second = spec("b", startup_order=1), spec("a", startup_order=2)
    images = {("b", "i1"): PULLING, ("a", "i1"): READY}
    assert plan([first, second], [], images) == []
    images["b", "i1"] = READY
    assert plan([first, second], [], images) == [Install(first), Install(second)]


def test_a_module_does_not_wait_for_an_image_that_cannot_be_had() -> None:
    first, second = spec("b", startup_order=1), spec("a", startup_order=2)
    failed = ImageState(ImageStatus.PULLING, 1, 0.0, "no registry")
    images = {("b", "i1"): failed, ("a", "i1"): READY}
    assert plan([first, second], [], images) == [Install(second)]


def test_the_old_module_is_looked_after_while_the_new_image_is_pulled() -> None:
    old = exited(running(spec("a")), 1, 0.0, CONFIG)
    assert plan([spec("a", "2")], [old], {("a", "i2"): PULLING}) == [Start("a", restart=True)]


def test_a_failed_pull_is_tried_again_after_its_back_off() -> None:
    def failed(attempts: int) -> dict[tuple[str, str], ImageState]:
        return {("a", "i1"): ImageState(ImageStatus.FAILED, attempts, 100.0, "no registry")}

    assert plan([spec()], [], failed(1), now=109.0) == []
    assert plan([spec()], [], failed(1), now=110.0) == [Fetch(spec())]
    assert plan([spec()], [], failed(2), now=110.0) == []
    assert plan([spec()], [], failed(2), now=120.0) == [Fetch(spec())]


def test_a_changed_policy_is_adopted_without_a_new_process() -> None:
    new = spec(restart_policy="never")
    assert plan([new], [running(spec())]) == [Adopt(new)]


def test_stopped_and_running_again() -> None:
    off = spec(status="stopped")
    assert plan([off], [running(spec())]) == [Adopt(off), Stop("a")]
    stopped = ModuleRecord(off, status=RuntimeStatus.STOPPED)
    assert plan([off], [stopped]) == []
    assert plan([spec()], [stopped]) == [Adopt(spec()), Start("a", restart=False)]


def test_a_module_that_ended_well_and_may_is_not_started_again() -> None:
    once = spec(restart_policy="on-failure")
    assert plan([once], [exited(running(once), 0, 0.0, CONFIG)], now=1e6) == []


def test_counters_are_cleared_after_a_healthy_while() -> None:
    assert plan([spec()], [running(spec(), restart_count=2)], now=600.0) == [ClearCounters("a")]


def test_a_deployment_is_done_when_every_module_is_what_it_should_be() -> None:
    status = deployment_status({"a": spec()}, {"a": running(spec())}, {})
    assert status is not None
    assert status.code == 200


def test_a_deployment_is_under_way_until_then() -> None:
    assert deployment_status({"a": spec()}, {}, {("a", "i1"): PULLING}) is None
    assert deployment_status({"a": spec("a", "2")}, {"a": running(spec())}, {}) is None
    assert deployment_status({}, {"a": running(spec())}, {}) is None


def test_a_pull_that_fails_is_500_with_the_reason_also_while_it_is_tried_again() -> None:
    for word in (ImageStatus.FAILED, ImageStatus.PULLING):
        images = {("a", "i1"): ImageState(word, 1, 0.0, "no registry")}
        status = deployment_status({"a": spec()}, {}, images)
        assert status is not None
        assert (status.code, status.description) == (500, "a: no registry")


def test_a_module_that_cannot_be_started_is_500_but_one_that_exits_is_not() -> None:
    never = exited(running(spec()), 128, 0.0, CONFIG, error="no key")
    gone = exited(running(spec()), 1, 0.0, CONFIG)
    bad = deployment_status({"a": spec()}, {"a": never}, {})
    good = deployment_status({"a": spec()}, {"a": gone}, {})
    assert bad is not None
    assert (bad.code, bad.description) == (500, "a: no key")
    assert good is not None
    assert good.code == 200


NAMES = st.sampled_from("abc")
SPECS = st.builds(
    spec,
    NAMES,
    st.sampled_from("12"),
    status=st.sampled_from(["running", "stopped"]),
    restart_policy=st.sampled_from(["always", "never", "on-failure"]),
)
RECORDS = st.builds(
    lambda module, status, count: replace(
        ModuleRecord(module), status=status, restart_count=count, last_exit=0.0, last_start=0.0
    ),
    SPECS,
    st.sampled_from([RuntimeStatus.RUNNING, RuntimeStatus.BACKOFF, RuntimeStatus.STOPPED]),
    st.integers(0, 3),
)
IMAGES = st.dictionaries(
    st.tuples(NAMES, st.sampled_from(["i1", "i2"])),
    st.builds(ImageState, st.sampled_from(list(ImageStatus)), st.integers(0, 3)),
)


@given(st.lists(SPECS), st.lists(RECORDS), IMAGES, st.floats(0, 1e6))
def test_a_process_is_touched_only_for_a_reason(
    modules: list[ModuleSpec],
    records: list[ModuleRecord],
    images: dict[tuple[str, str], ImageState],
    now: float,
) -> None:
    wanted = {module.name: module for module in modules}
    have = {record.spec.name: record for record in records}
    for action in decide(wanted, have, images, now, CONFIG):
        match action:
            case Remove(name):
                assert name in have
                assert name not in wanted
            case Install(module):
                assert images[module.name, module.image].status is ImageStatus.READY
                before = have.get(module.name)
                assert before is None or before.spec.definition != module.definition
            case Stop(name):
                assert have[name].status is not RuntimeStatus.STOPPED
            case Start(name):
                assert have[name].status is not RuntimeStatus.RUNNING
            case Fetch(module):
                image = images.get((module.name, module.image))
                assert image is None or image.status is ImageStatus.FAILED
            case Adopt(module):
                assert have[module.name].spec.definition == module.definition
            case ClearCounters(name):
                assert have[name].restart_count > 0
