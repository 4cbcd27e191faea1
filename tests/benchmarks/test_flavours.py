"""The benchmark of flavours measures what it says, on whatever is installed."""

import pytest

from benchmarks import flavours


def test_it_measures_a_flavour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flavours, "SECONDS", 0.01)
    monkeypatch.setattr(flavours, "TRAINED", 1000)
    found = flavours.measure("sklearn")
    assert list(found) == ["1 rows", "1000 rows"]
    for figures in found.values():
        assert figures["library_us"] > 0
        assert figures["ratio"] == pytest.approx(
            figures["library_us"] / figures["onnx_us"], rel=0.05
        )


def test_the_slower_one_takes_longer() -> None:
    def slow() -> int:
        return sum(range(20_000))

    def fast() -> int:
        return 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flavours, "SECONDS", 0.02)
        one, other = flavours.medians(slow, fast)
    assert one > other > 0
