"""Many swaps while the model is asked: no answer fails, and the memory stays what it was."""

import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inference_service.repository import ModelRepository, memory, release_memory
from tests.inference_service.repository.folders import (
    fare,
    fare_at,
    heavy_folder,
    replaced_by,
    version,
)

_SWAPS = 30
_HEAVY_MB = 24


def test_no_answer_fails_over_many_swaps(tmp_path: Path) -> None:
    rates = {str(n): n for n in range(2)}
    sources = [version(tmp_path / number, number, per_mile=rate) for number, rate in rates.items()]
    served = version(tmp_path / "served", "0", per_mile=0)
    repository = ModelRepository(served)
    stop, failures, asked = threading.Event(), [], [0, 0]

    def ask(who: int) -> None:
        while not stop.is_set():
            try:
                model = repository.find("taxi")
                if fare(model) != fare_at(rates[model.version]):
                    failures.append(f"wrong answer of {model.version}")
            except Exception as error:  # whatever it is, it failed a good request
                failures.append(repr(error))
            asked[who] += 1

    threads = [threading.Thread(target=ask, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    try:
        for swap in range(1, _SWAPS + 1):
            replaced_by(served, sources[swap % 2], ["model.onnx"])
            repository.check()  # in the middle of the copy
            replaced_by(served, sources[swap % 2])
            repository.check()
            assert repository.find("taxi").version == str(swap % 2)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert not failures
    assert min(asked) > 0


_FLAT = """
import sys
from pathlib import Path
from inference_service.repository import ModelRepository
from tests.inference_service.repository.folders import replaced_by

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))

served, *sources = map(Path, sys.argv[1:4])
repository = ModelRepository(served)
sizes = []
for swap in range(12):
    replaced_by(served, sources[swap % 2])
    assert repository.check(), swap
    sizes.append(resident())
print(*sizes)
"""


@pytest.mark.skipif(memory._malloc_trim() is None, reason="this C library has no malloc_trim")
def test_the_memory_of_the_old_model_is_given_back(tmp_path: Path) -> None:
    sources = [heavy_folder(tmp_path / f"{n}", _HEAVY_MB, seed=n) for n in range(2)]
    served = heavy_folder(tmp_path / "served", _HEAVY_MB, seed=7)
    command = [sys.executable, "-c", _FLAT, str(served), *map(str, sources)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    sizes = [int(size) for size in run.stdout.split()]
    # Without malloc_trim it grows by several models within these swaps.
    assert max(sizes) - min(sizes) < _HEAVY_MB, sizes


def test_no_malloc_trim_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        """A C library without the call, as musl is."""

    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Bare())
    try:
        assert not release_memory()
    finally:
        memory._malloc_trim.cache_clear()


def test_what_is_still_in_use_is_given_back_later(tmp_path: Path) -> None:
    served = version(tmp_path / "served", "1", per_mile=1)
    repository = ModelRepository(served)
    in_flight = repository.find("taxi")
    replaced_by(served, version(tmp_path / "new", "2", per_mile=2))
    repository.check()
    assert not repository._freed
    assert fare(in_flight) == fare_at(1)
    del in_flight
    assert repository._freed
    repository.check()
    assert not repository._freed
