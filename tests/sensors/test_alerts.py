"""The alerts sensor: what needs people reaches them once, all else is silent, nothing is lost."""

import json
from dataclasses import dataclass, field

import dagster as dg
import pytest
from dagster import DagsterInstance

from edge_assets.core.alert_text import Message
from edge_assets.lineage import DOCUMENT
from edge_assets.operate import tick
from protos.errors import EdgeAssetsError, Unavailable
from tests.edge_assets.bench import Bench, digest_of, image_of
from tests.edge_assets.fake_hub import FakeHub

FLEET = {"line-1": "canary", "line-2": "early"}


@dataclass
class Inbox:
    """A channel whose messages are kept; with `down` it takes none."""

    name: str = "email"
    got: list[Message] = field(default_factory=list)
    down: EdgeAssetsError | None = None
    remarks: list[str] = field(default_factory=list)

    def send(self, message: Message) -> list[str]:
        if self.down:
            raise self.down
        self.got.append(message)
        return self.remarks

    @property
    def kinds(self) -> list[str]:
        """The kinds of all alerts, in their order."""
        return [alert["kind"] for message in self.got for alert in message.data["alerts"]]


@dataclass
class Watch:
    """The sensor with its cursor, as the daemon keeps it: not after a tick that failed."""

    bench: Bench
    inbox: Inbox
    cursor: str | None = None

    def tick(self) -> str:
        """One tick; why it asked for nothing, which it never does."""
        ticked = tick(self.bench.defs, self.bench.instance, "alerts", self.cursor)
        self.cursor = ticked.cursor
        return ticked.skipped


@pytest.fixture
def watch(bench: Bench) -> Watch:
    """A sensor that has seen its first tick."""
    started = Watch(bench, Inbox())
    bench.replace("alerts", [started.inbox])
    started.tick()
    return started


def test_without_a_channel_it_says_how_to_get_one(bench: Bench) -> None:
    skipped = Watch(bench, Inbox()).tick()
    assert "nobody is told" in skipped
    assert "EDGE_ALERT_WEBHOOK" in skipped


def refuse_a_delivery(bench: Bench, name: str = "bad.csv") -> None:
    """A batch whose gate closes in a real run."""
    bench.land(name, b"what,is,this\n1,2,3\n")
    bench.instance.add_dynamic_partitions("nyc_taxi_batches", [name])
    assert bench.run("raw_batch", partition=name) is not None


def test_history_is_not_told(bench: Bench) -> None:
    refuse_a_delivery(bench)
    watch = Watch(bench, Inbox())
    bench.replace("alerts", [watch.inbox])
    assert watch.tick() == watch.tick() == "nothing that needs anybody"
    assert watch.inbox.got == []


def test_who_is_told_again_after_a_pause_gets_no_history(watch: Watch) -> None:
    watch.bench.replace("alerts", [])
    watch.tick()
    refuse_a_delivery(watch.bench)
    watch.bench.replace("alerts", [watch.inbox])
    watch.tick()
    assert watch.inbox.got == []


def test_a_closed_gate_is_told_once_and_not_as_a_failed_run_too(watch: Watch) -> None:
    refuse_a_delivery(watch.bench)
    assert watch.tick() == "told 1 by email"
    assert watch.tick() == "nothing that needs anybody"
    (message,) = watch.inbox.got
    assert message.subject == "[edge-assets local] gate closed: nyc_taxi/raw_batch: usable_rows"
    (alert,) = message.data["alerts"]
    assert alert["partitions"] == ["bad.csv"]
    assert "bad.csv" in alert["reason"]


def test_a_delivery_that_is_refused_before_it_is_a_batch_is_told(watch: Watch) -> None:
    watch.bench.land("bad.csv", b"what,is,this\n1,2,3\n")
    assert "1 deliveries refused" in watch.bench.tick("new_data").skipped
    watch.tick()
    assert watch.inbox.kinds == ["gate"]
    assert "bad.csv" in watch.inbox.got[0].text


def test_an_open_gate_is_silent(watch: Watch) -> None:
    watch.bench.accept("good.csv", watch.bench.sample(1))
    watch.tick()
    assert watch.inbox.got == []


def test_many_closed_gates_of_one_tick_are_one_message(watch: Watch) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        refuse_a_delivery(watch.bench, name)
    watch.tick()
    (message,) = watch.inbox.got
    (alert,) = message.data["alerts"]
    assert alert["times"] == 3
    assert alert["partitions"] == ["a.csv", "b.csv", "c.csv"]


def test_repeats_are_held_back_and_told_after_the_cool_down(watch: Watch) -> None:
    refuse_a_delivery(watch.bench, "a.csv")
    watch.tick()
    refuse_a_delivery(watch.bench, "b.csv")
    watch.tick()
    assert len(watch.inbox.got) == 1
    settings = watch.bench.platform.settings
    watch.bench.replace("settings", settings.model_copy(update={"alert_cooldown_seconds": 0.0}))
    watch.tick()
    (held,) = watch.inbox.got[1].data["alerts"]
    assert held["partitions"] == ["b.csv"]


def test_a_stopped_rollout_is_told_and_a_good_one_is_silent(watch: Watch) -> None:
    bench, hub = watch.bench, FakeHub(dict(FLEET))
    bench.replace("hub", hub)
    bench.pretend_image("one")
    assert bench.approve("one") is None
    watch.tick()
    assert watch.inbox.kinds == ["approved"]
    assert bench.run("rollout") is None
    watch.tick()
    assert watch.inbox.kinds == ["approved"]

    bench.pretend_image("two")
    assert bench.approve("two") is None
    hub.serves["line-2"] = digest_of("another model")
    assert bench.run("rollout") is not None
    watch.tick()
    assert watch.inbox.kinds == ["approved", "rollout", "approved"]
    (stopped, approved) = watch.inbox.got[1].data["alerts"]
    assert "line-2: it serves" in stopped["reason"]
    assert approved["reason"] == "Ada: good"
    assert approved["about"] == "nyc_taxi/release 2"


def test_a_failed_run_is_told_with_its_remedy(watch: Watch) -> None:
    assert watch.bench.run("rollout") is not None  # nothing is approved
    watch.tick()
    (alert,) = watch.inbox.got[0].data["alerts"]
    assert (alert["kind"], alert["about"]) == ("run", "nyc_taxi/rollout")
    assert alert["reason"] == "nothing is approved, so nothing is rolled out"
    assert "edgectl release approve" in alert["remedy"]


def warn(instance: DagsterInstance, asset: str, check: str, passed: bool) -> None:
    """The outcome of a check that stops nothing."""
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            dg.AssetKey(["nyc_taxi", asset]),
            check,
            passed,
            metadata={"reason": "distance moved"},
            severity=dg.AssetCheckSeverity.WARN,
            blocking=False,
        )
    )


@pytest.mark.parametrize(
    ("asset", "check", "kind"),
    [("drift_report", "drift", "drift"), ("performance_report", "live_error", "worse")],
)
def test_drift_and_a_worse_model_are_told_and_their_absence_is_silent(
    watch: Watch, asset: str, check: str, kind: str
) -> None:
    warn(watch.bench.instance, asset, check, True)
    watch.tick()
    assert watch.inbox.got == []
    warn(watch.bench.instance, asset, check, False)
    watch.tick()
    assert watch.inbox.kinds == [kind]
    assert watch.inbox.got[0].data["alerts"][0]["reason"] == "distance moved"


def report_image(bench: Bench, name: str) -> None:
    """An image that was made, with what its materialization says of it."""
    metadata = {DOCUMENT: bench.pretend_image(name), "image": image_of(name)}
    key = bench.chain.key("container_image")
    bench.instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata))


def test_an_image_that_waits_is_told_and_an_approved_one_is_silent(watch: Watch) -> None:
    report_image(watch.bench, "one")
    watch.tick()
    assert watch.inbox.kinds == ["waiting"]
    assert watch.bench.approve("one") is None
    report_image(watch.bench, "one")  # made again, as it was
    watch.tick()
    assert watch.inbox.kinds == ["waiting", "approved"]


def test_an_image_that_was_approved_before_anybody_was_told_does_not_wait(watch: Watch) -> None:
    report_image(watch.bench, "one")
    assert watch.bench.approve("one") is None
    watch.tick()
    assert watch.inbox.kinds == ["approved"]


def test_what_could_not_be_sent_fails_the_tick_and_comes_later(watch: Watch) -> None:
    refuse_a_delivery(watch.bench)
    before, watch.inbox.down = watch.cursor, Unavailable("the mail server is gone")
    for _ in range(2):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - Dagster's, around ours
            watch.tick()
        assert "the mail server is gone" in f"{caught.value} {caught.value.__cause__}"
    assert watch.cursor == before
    watch.inbox.down = None
    watch.tick()
    assert watch.inbox.kinds == ["gate"]


def test_a_channel_that_is_down_makes_the_other_repeat_nothing(watch: Watch) -> None:
    chat = Inbox("webhook", down=Unavailable("the chat is gone"))
    watch.bench.replace("alerts", [watch.inbox, chat])
    watch.tick()
    refuse_a_delivery(watch.bench)
    said = watch.tick()
    assert "told 1 by email" in said
    assert "the chat is gone" in said
    with pytest.raises(Exception):  # noqa: B017, PT011 - see above
        watch.tick()
    chat.down = None
    watch.tick()
    assert watch.inbox.kinds == chat.kinds == ["gate"]


def test_remarks_of_a_channel_are_in_the_log_of_the_tick(
    watch: Watch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    watch.inbox.remarks = ["ben@example.org was refused"]
    refuse_a_delivery(watch.bench)
    watch.tick()
    assert "ben@example.org was refused" in caplog.text + capsys.readouterr().err


def test_a_cursor_that_cannot_be_read_begins_now(watch: Watch) -> None:
    refuse_a_delivery(watch.bench)
    watch.cursor = "{damaged"
    watch.tick()
    assert watch.inbox.got == []
    refuse_a_delivery(watch.bench, "next.csv")
    watch.tick()
    assert watch.inbox.kinds == ["gate"]


def test_a_log_that_was_emptied_is_read_on(watch: Watch) -> None:
    watch.cursor = json.dumps({"email": {"after": 10**9, "told": {}}})
    watch.tick()
    refuse_a_delivery(watch.bench)
    watch.tick()
    assert watch.inbox.kinds == ["gate"]


@pytest.fixture
def leaky(watch: Watch) -> str:
    """A secret that an error of a library quotes."""
    secret = "c2VjcmV0LW9mLXRoZS1odWI="
    text = f"HostName=h;SharedAccessKeyName=n;SharedAccessKey={secret}"
    bench = watch.bench
    with_secret = {"EDGE_HOME": str(bench.home), "EDGE_HUB_CONNECTION_STRING": text}
    own = type(bench.platform)(with_secret).settings
    bench.replace("settings", own.model_copy(update={"registry_host": "localhost:5000"}))
    bench.replace("hub", FakeHub(dict(FLEET), down=ValueError(f"wrong key {secret} in {text}")))
    return secret


def test_no_secret_is_told(watch: Watch, leaky: str) -> None:
    watch.bench.release()
    assert watch.bench.run("rollout") is not None
    watch.tick()
    (message,) = watch.inbox.got
    assert "wrong key *** in ***" in message.text
    assert leaky not in f"{message}{watch.cursor}"
