"""The soak's verdict, and that a wrong answer is seen; both with the bad case and the good one."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.soak.__main__ import as_json, table
from benchmarks.soak.good import Tally, question, wrong
from benchmarks.soak.models import COLUMNS, FACTORS, make_version, put_in_place
from benchmarks.soak.run import Effort
from benchmarks.soak.samples import Sample, count_descriptors, parse_rollup, read_sample
from benchmarks.soak.verdict import Soak, verdict
from protos import inference_pb2 as pb

_MIB = 1 << 20


def _samples(*, growth: float = 0.0, leak: float = 0.0, count: int = 90) -> list[Sample]:
    """Samples of 100 MiB and 30 descriptors that grow so much from begin to end."""
    return [
        Sample(
            seconds=float(n),
            rss=int((120 + growth * n / count + n % 3) * _MIB),
            pss=int((100 + growth * n / count + n % 3) * _MIB),
            anonymous=int((90 + growth * n / count + n % 3) * _MIB),
            descriptors=int(30 + leak * n / count + n % 4),
            threads=12,
        )
        for n in range(count)
    ]


GOOD = Soak(
    samples=_samples(),
    good=1000,
    failed=0,
    clients=6,
    clients_silent=0,
    abused=40,
    swaps_made=10,
    swaps_seen=10,
    versions_seen=2,
    idle_before=7,
    idle_after=7,
    crashes=0,
)


def _bad(soak: Soak) -> list[str]:
    return [check.name for check in verdict(soak) if not check.ok]


def test_a_good_soak_is_good() -> None:
    assert _bad(GOOD) == []
    assert _bad(dataclasses.replace(GOOD, swaps_seen=9, idle_after=6)) == []


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({"failed": 1}, ["good questions that failed"]),
        ({"good": 0}, ["good questions"]),
        ({"clients_silent": 1}, ["good clients without an answer"]),
        ({"clients": 0}, ["good clients without an answer"]),
        ({"crashes": 1}, ["service died"]),
        ({"abused": 0}, ["abusive clients"]),
        ({"swaps_seen": 8}, ["swaps seen by the service"]),
        ({"swaps_made": 0, "swaps_seen": 0}, ["swaps seen by the service"]),
        ({"versions_seen": 1}, ["versions that answered"]),
        ({"idle_after": 8}, ["descriptors without clients"]),
        (
            {"samples": _samples(growth=30)},
            ["own memory, first third -> last", "RSS, first third -> last"],
        ),
        ({"samples": _samples(leak=30)}, ["descriptors under load"]),
        (
            {"samples": _samples(count=8)},
            [
                "own memory, first third -> last",
                "RSS, first third -> last",
                "descriptors under load",
            ],
        ),
    ],
)
def test_each_fault_fails_its_check(change: dict[str, Any], failing: list[str]) -> None:
    assert _bad(dataclasses.replace(GOOD, **change)) == failing


def test_a_small_growth_is_noise_and_a_single_spike_too() -> None:
    spiked = [*_samples()[:-1], Sample(90.0, 900 * _MIB, 900 * _MIB, 900 * _MIB, 300, 12)]
    assert _bad(dataclasses.replace(GOOD, samples=_samples(growth=4))) == []
    assert _bad(dataclasses.replace(GOOD, samples=spiked)) == []


def test_the_table_and_the_file_tell_what_failed() -> None:
    soak = dataclasses.replace(GOOD, failed=3)
    checks = verdict(soak)
    lines = table(checks).splitlines()
    assert any(line.split("  ")[0] == checks[0].name and "FAILED" in line for line in lines)
    written = as_json(soak, checks, {"reasons": []}, "fast", Effort(60.0, 10.0))
    assert written["ok"] is False
    assert written["figures"]["failed"] == 3
    assert json.loads(json.dumps(written))["samples"]


def _answer(values: Any, factor: float, version: str) -> pb.ModelInferResponse:
    raw = (values * np.float32(factor)).tobytes()
    return pb.ModelInferResponse(model_version=version, raw_output_contents=[raw])


def test_an_answer_must_be_that_of_the_version_it_names() -> None:
    values = np.random.default_rng(1).random((3, COLUMNS), dtype=np.float32)
    assert list(question(values).inputs[0].shape) == [3, COLUMNS]
    tally = Tally()
    for version, factor in FACTORS.items():
        assert wrong(values, _answer(values, factor, version)) is None
        tally.check(values, _answer(values, factor, version))
    assert (tally.good, tally.failed) == (2, 0)
    for bad in (
        _answer(values, FACTORS["a"], "b"),
        _answer(values, FACTORS["a"], "c"),
        _answer(values[:2], FACTORS["a"], "a"),
        pb.ModelInferResponse(model_version="a"),
    ):
        assert wrong(values, bad) is not None
        tally.check(values, bad)
    assert (tally.good, tally.failed) == (2, 4)
    assert len(json.loads(tally.as_json())["reasons"]) == 4


def test_samples_of_a_process_that_is_there_and_one_that_is_not() -> None:
    sample = read_sample(os.getpid(), 1.5)
    assert sample.pss > _MIB
    assert sample.rss >= sample.pss // 2
    before = count_descriptors(os.getpid())
    with Path("/dev/null").open() as one:
        assert one.fileno() > 0
        assert count_descriptors(os.getpid()) == before + 1
    with pytest.raises(OSError, match="No such"):
        read_sample(2**22 + 1, 0.0)
    assert parse_rollup("Rss:  12 kB\nnonsense\nPss: x kB\n") == {"Rss": 12288}


def test_a_version_takes_the_place_of_another(tmp_path: Path) -> None:
    versions = {name: make_version(tmp_path / name, name) for name in FACTORS}
    for name in ("a", "b", "a"):
        put_in_place(versions[name], tmp_path / "served")
        described = json.loads((tmp_path / "served" / "model.json").read_bytes())
        assert described["version"] == name
        assert sorted(path.name for path in (tmp_path / "served").iterdir()) == [
            "model.json",
            "model.onnx",
        ]
