"""Several models take from one landing folder: what one does disturbs no other."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from edge_assets.core.raw_data import DeliveryRefused, Reason
from edge_assets.deliveries import refuse, shares_landing
from edge_assets.edge_model import EdgeModel
from tests.edge_assets.bench import Bench
from tests.edge_assets.siblings import make_siblings, opened_siblings, sales

Siblings = dict[str, Bench]


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_siblings(tmp_path_factory.mktemp("models"))


@pytest.fixture
def siblings(tmp_path: Path, parent: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Siblings]:
    with opened_siblings(tmp_path, parent, monkeypatch) as opened:
        yield opened


def land(siblings: Siblings, name: str, content: pd.DataFrame | bytes) -> Path:
    made = content if isinstance(content, bytes) else content.to_csv(index=False).encode()
    return siblings["7"].land(name, made)


def reasons(bench: Bench) -> list[dict[str, str]]:
    found = (bench.home / "quarantine" / bench.chain.name).glob("*/reason.json")
    return [json.loads(file.read_text()) for file in found]


def test_a_delivery_without_own_rows_is_left_to_the_others_and_read_once(
    siblings: Siblings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sales(60)
    path = land(siblings, "bolts.csv", rows[rows["product"] == "bolt"])
    assert siblings["bolt"].tick("new_data").partitions == ("bolts.csv",)
    ticked = siblings["7"].tick("new_data")
    assert ticked.partitions == ()
    assert "bolts.csv has 20 rows of others and none of this model" in ticked.skipped
    assert reasons(siblings["7"]) == []
    again = siblings["7"].tick("new_data", ticked.cursor)
    assert "no new delivery" in again.skipped

    path.write_bytes(rows.to_csv(index=False).encode())
    os.utime(path, (1.71e9, 1.71e9))
    mended = siblings["7"].tick("new_data", again.cursor or ticked.cursor)
    assert mended.partitions == ("bolts.csv",)


def test_a_delivery_of_which_nobody_knows_the_product_is_no_silent_one(siblings: Siblings) -> None:
    land(siblings, "nobodys.csv", sales(60).assign(product=""))
    for bench in siblings.values():
        assert bench.tick("new_data").partitions == ("nobodys.csv",)
        assert "product: is missing" in str(bench.run("raw_batch", partition="nobodys.csv"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"product,price,heat,sold\n7,1\n", "unreadable"),
        (b"article,price,heat,sold\n7,1,1,1\n", "missing_columns"),
    ],
)
def test_what_nobody_can_read_is_told_once_by_each_and_stays(
    siblings: Siblings, content: bytes, told: str
) -> None:
    path = land(siblings, "broken.csv", content)
    for bench in siblings.values():
        ticked = bench.tick("new_data")
        assert "1 deliveries refused" in ticked.skipped
        assert ticked.events == 1
        assert "no new delivery" in bench.tick("new_data", ticked.cursor).skipped
        (reason,) = reasons(bench)
        assert (reason["reason"], reason["left_in"]) == (told, str(path.parent))
    assert path.read_bytes() == content


def test_what_one_refuses_the_others_take(siblings: Siblings) -> None:
    rows = sales(60).astype(object)
    rows.loc[rows["product"] == "7", "heat"] = "hot"
    path = land(siblings, "week.csv", rows)
    assert siblings["7"].tick("new_data").partitions == ("week.csv",)
    assert siblings["7"].run("raw_batch", partition="week.csv") is not None
    assert siblings["7"].tick("new_data").partitions == ()
    assert siblings["bolt"].tick("new_data").partitions == ("week.csv",)
    assert siblings["bolt"].run("raw_batch", partition="week.csv") is None
    assert path.exists()

    land(siblings, "mended.csv", sales(60).query("product == '7'"))
    assert siblings["7"].tick("new_data").partitions == ("mended.csv",)
    assert siblings["7"].run("raw_batch", partition="mended.csv") is None
    assert siblings["bolt"].tick("new_data").partitions == ()


def test_the_same_content_twice_is_told_by_each(siblings: Siblings) -> None:
    land(siblings, "week.csv", sales(60))
    for bench in siblings.values():
        bench.tick("new_data")
        assert bench.run("raw_batch", partition="week.csv") is None
    land(siblings, "again.csv", sales(60))
    for bench in siblings.values():
        assert "was delivered before" in bench.tick("new_data").skipped
        assert [reason["reason"] for reason in reasons(bench)] == ["delivered_twice"]


def test_a_batch_is_restored_for_all(siblings: Siblings) -> None:
    path = land(siblings, "week.csv", sales(60))
    for bench in siblings.values():
        bench.tick("new_data")
        assert bench.run("raw_batch", partition="week.csv") is None
    path.unlink()
    for bench in siblings.values():
        assert bench.run("raw_batch", partition="week.csv") is None
        assert bench.tick("new_data").partitions == ()
    assert [file.name for file in path.parent.iterdir()] == ["week.csv"]


def test_other_values_have_the_batches_prepared_again(
    siblings: Siblings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = siblings["7"]
    rows = sales(60)
    land(siblings, "bolts.csv", rows[rows["product"] == "bolt"])
    land(siblings, "week.csv", rows)
    ticked = bench.tick("new_data")
    assert ticked.partitions == ("week.csv",)
    assert bench.run("raw_batch", partition="week.csv") is None
    monkeypatch.setattr(EdgeModel, "preparation", lambda model: "of another value")
    again = bench.tick("new_data", ticked.cursor)
    assert [request.partition_key for request in again.run_requests] == ["week.csv"]
    assert json.loads(again.cursor or "")["preparation"] == "of another value"


def test_a_model_of_all_rows_shares_too(siblings: Siblings, tmp_path: Path) -> None:
    config = siblings["7"].chain.config
    data = config.data.model_copy(update={"where": {}})
    of_all = config.model_copy(update={"data": data, "name": "demand_of_all"})
    path = land(siblings, "broken.csv", b"")
    refusal = DeliveryRefused("it is empty", reason=Reason.EMPTY)
    assert shares_landing(of_all)
    assert refuse(of_all, path, tmp_path / "q", refusal).parent.name == "demand_of_all"
    assert path.exists()
    elsewhere = data.model_copy(update={"landing": "elsewhere"})
    alone = of_all.model_copy(update={"data": elsewhere})
    assert not shares_landing(alone)
    assert refuse(alone, path, tmp_path / "q", refusal).parent.name == "elsewhere"
    assert not path.exists()
