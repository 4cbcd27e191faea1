import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.contract import Contract
from edge.webapp.corrections import CorrectionRecord, batch_name, last_words, to_csv, to_messages

CONTRACT = Contract()
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def record(number: int, text: str, label: int, model: str = "compliance") -> CorrectionRecord:
    return CorrectionRecord(
        id=f"{number:08d}",
        time=START + timedelta(seconds=number),
        text=text,
        label=label,
        reason="it is a demonstrator",
        said_label=1 - label,
        said_confidence=0.9,
        model=model,
        model_digest="sha256:" + "a" * 64,
    )


records = st.lists(
    st.builds(
        record,
        st.integers(0, 10**6),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
        st.sampled_from([0, 1]),
        st.sampled_from(["compliance", "other"]),
    ),
    max_size=30,
    unique_by=lambda r: r.id,
)


def test_the_last_word_about_a_text_counts() -> None:
    told = [record(3, "steel", 0), record(1, "steel", 1), record(2, "iron", 1)]
    assert to_csv(told, CONTRACT) == '"description","non_compliant"\n"iron",1\n"steel",0\n'


@given(records)
def test_a_batch_reads_back_and_never_contradicts_itself(told: list[CorrectionRecord]) -> None:
    text = to_csv(told, CONTRACT)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["description", "non_compliant"]
    assert [(row[0], int(row[1])) for row in rows[1:]] == [
        (r.text, r.label) for r in last_words(told)
    ]
    texts = [r.text for r in last_words(told)]
    assert sorted(texts) == sorted({r.text for r in told})


@given(records, st.integers(400, 2000))
def test_every_correction_is_in_one_message_that_fits(
    told: list[CorrectionRecord], size: int
) -> None:
    messages = to_messages("batch", told, CONTRACT, max_body_bytes=size)
    assert [m.message_id for m in messages] == [f"batch-{n}" for n in range(len(messages))]
    sent = []
    for message in messages:
        assert message.properties["kind"] == "corrections"
        documents = json.loads(message.body)
        assert documents
        assert {document["model"] for document in documents} == {message.properties["model"]}
        assert len(message.body) <= size or len(documents) == 1
        sent += [document["correction_id"] for document in documents]
    assert sent == [r.id for r in last_words(told)]


def test_who_corrected_stays_on_the_device() -> None:
    [message] = to_messages("b", [record(1, "steel", 0)], CONTRACT)
    assert json.loads(message.body) == [
        {
            "correction_id": "00000001",
            "time": "2026-11-21T10:00:01.000000Z",
            "model": "compliance",
            "model_digest": "sha256:" + "a" * 64,
            "inputs": {"description": "steel"},
            "label": {"non_compliant": 0},
            "said": {"non_compliant": 1, "confidence": 0.9},
            "reason": "it is a demonstrator",
        }
    ]


def test_a_batch_has_a_name_that_no_other_device_gives() -> None:
    made = START.astimezone(timezone(timedelta(hours=5)))
    name = batch_name(["b", "a"], made)
    assert name.startswith("corrections-20261121T100000Z-")
    assert name == batch_name(["a", "b"], made)
    assert name != batch_name(["a", "c"], made)
