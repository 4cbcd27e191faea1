import asyncio
import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from edge.modules.hub_client import OutgoingMessage
from edge.webapp.register import batches, correcting
from edge.webapp.register.models import Batch, Component, Correction, Judgement
from edge.webapp.register.outbox import DatabaseOutbox
from edge.webapp.upload import CorrectionsUpload
from protos.errors import ConfigurationError, NotFound, Unavailable


def corrected(by: User, description: str, label: int = 0) -> Correction:
    """A component that was judged and corrected."""
    component = Component.objects.create(description=description, created_by=by, changed_by=by)
    component.judgement = Judgement.objects.create(
        component=component,
        description=description,
        label=1 - label,
        confidence=0.8,
        model="compliance",
    )
    component.save()
    return correcting.correct(component, label, "r", by, revision=1, shown=1 - label)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_each_correction_leaves_once(technician: User) -> None:
    corrected(technician, "one")
    first = batches.make_batch(Batch.FILE)
    corrected(technician, "two", 1)
    second = batches.make_batch(Batch.HUB)
    assert first is not None
    assert second is not None
    assert read(batches.csv_of(first))[1:] == [["one", "0"]]
    assert read(batches.csv_of(second))[1:] == [["two", "1"]]
    assert batches.make_batch(Batch.FILE) is None
    assert batches.new_corrections() == 0


def test_staff_makes_a_batch_and_downloads_it_as_often_as_needed(
    technician: User, chief: User
) -> None:
    corrected(technician, 'steel, "new"')
    staff = Client()
    staff.force_login(chief)
    assert "1 correction is in no batch" in staff.get("/corrections").content.decode()
    staff.post("/corrections/batches")
    batch = Batch.objects.get()
    assert batch.made_by == chief
    for _ in range(2):
        answer = staff.get(f"/corrections/batches/{batch.name}.csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert f'filename="{batch.name}.csv"' in answer.headers["Content-Disposition"]
        assert read(answer.content.decode()) == [
            ["description", "non_compliant"],
            ['steel, "new"', "0"],
        ]
    answer = staff.post("/corrections/batches", follow=True)
    assert "no correction that is not in a batch" in answer.content.decode()
    assert Batch.objects.count() == 1
    assert staff.get("/corrections/batches/none.csv").status_code == 404


def test_the_command_delivers_what_the_platform_takes(
    technician: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge_assets.core.raw_data import inspect_delivery

    landing = tmp_path / "landing"
    landing.mkdir()
    corrected(technician, "one")
    corrected(technician, "two\N{SNOWMAN}", 1)
    call_command("export_corrections", to=landing)
    path = Path(capsys.readouterr().out.strip())
    assert [path] == list(landing.iterdir())
    delivery = inspect_delivery(path, {}, [{"description"}, {"noncompliant"}])
    assert delivery.rows == 2

    call_command("export_corrections", to=landing)
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", "there is no new correction")
    before = path.read_bytes()
    path.unlink()
    call_command("export_corrections", to=landing, batch=path.stem)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_takes_no_batch(technician: User, tmp_path: Path) -> None:
    corrected(technician, "one")
    with pytest.raises(ConfigurationError, match="no folder"):
        call_command("export_corrections", to=tmp_path / "missing")
    assert batches.new_corrections() == 1
    with pytest.raises(NotFound, match="no batch 'x'"):
        call_command("export_corrections", to=tmp_path, batch="x")


class Hub:
    """A hub that takes messages; `fails` of them it does not."""

    def __init__(self, fails: int = 0) -> None:
        self.sent: list[OutgoingMessage] = []
        self.fails, self.closed = fails, False
        self.stop: asyncio.Event | None = None

    async def connect(
        self,
        on_desired: Callable[[Mapping[str, Any]], None] | None = None,
        methods: Mapping[str, Any] | None = None,
    ) -> None: ...

    async def desired_properties(self) -> Mapping[str, Any]:
        return {}

    async def report(self, patch: Mapping[str, Any]) -> None: ...

    async def send(self, message: OutgoingMessage) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("the hub is away")
        self.sent.append(message)
        if self.stop is not None:
            self.stop.set()

    async def close(self) -> None:
        self.closed = True


def test_the_hub_gets_each_correction_and_a_batch_is_marked_when_it_has_all(
    technician: User,
) -> None:
    corrected(technician, "one")
    hub = Hub()
    upload = CorrectionsUpload(DatabaseOutbox(), hub, 60)
    assert asyncio.run(upload.upload(asyncio.Event())) == 1
    [message] = hub.sent
    batch = Batch.objects.get()
    assert batch.sent_at is not None
    assert message.message_id == f"{batch.name}-0"
    assert message.properties == {"kind": "corrections", "model": "compliance"}
    [document] = json.loads(message.body)
    assert document["correction_id"] == str(Correction.objects.get().pk)
    assert "mara" not in message.body.decode()
    assert asyncio.run(upload.upload(asyncio.Event())) == 0


def test_what_the_hub_did_not_take_goes_again_as_the_same_messages(technician: User) -> None:
    corrected(technician, "one")
    hub = Hub(fails=1)
    upload = CorrectionsUpload(DatabaseOutbox(), hub, 60)
    with pytest.raises(Unavailable):
        asyncio.run(upload.upload(asyncio.Event()))
    batch = Batch.objects.get()
    assert batch.sent_at is None
    corrected(technician, "two")
    assert asyncio.run(upload.upload(asyncio.Event())) == 2
    assert hub.sent[0].message_id == f"{batch.name}-0"
    assert [json.loads(m.body)[0]["inputs"]["description"] for m in hub.sent] == ["one", "two"]


def test_the_upload_outlives_a_hub_that_is_away(technician: User) -> None:
    corrected(technician, "one")
    hub = Hub(fails=2)

    async def run() -> None:
        hub.stop = asyncio.Event()
        await asyncio.wait_for(CorrectionsUpload(DatabaseOutbox(), hub, 0.01).run(hub.stop), 10)

    asyncio.run(run())
    assert len(hub.sent) == 1
    assert hub.closed


def test_a_database_that_fails_does_not_end_the_upload() -> None:
    hub = Hub()
    asked = 0

    class Broken:
        def next_batch(self) -> tuple[str, list[OutgoingMessage]] | None:
            nonlocal asked
            asked += 1
            if asked == 1:
                raise RuntimeError("disk")
            return ("b", [OutgoingMessage("b-0", b"[]")]) if asked == 2 else None

        def sent(self, name: str) -> None: ...

    async def run() -> None:
        hub.stop = asyncio.Event()
        await asyncio.wait_for(CorrectionsUpload(Broken(), hub, 0.01).run(hub.stop), 10)

    asyncio.run(run())
    assert [message.message_id for message in hub.sent] == ["b-0"]
