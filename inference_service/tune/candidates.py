"""What is tried: each candidate changes one thing, so that the figures tell what it does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference_service.runtime_options import DEFAULT_RUNTIME, OPTIMIZATIONS, RuntimeOptions

AS_BUILT = "as built"


@dataclass(frozen=True)
class Candidate:
    """One way to run the model: its options, and which of its graphs (`as built`, `int8`, ...)."""

    name: str
    runtime: RuntimeOptions
    graph: str = AS_BUILT


def candidates(cores: int, graphs: Sequence[str] = ()) -> list[Candidate]:
    """The candidates for `cores` cores, the default first and the simplest before the others.

    `graphs` are rewritten graphs beside the one as built; each is tried with the default options
    and with more threads, which gain the most where a graph is large.
    """
    base = DEFAULT_RUNTIME
    found = [
        Candidate("default", base),
        Candidate("no memory pattern", replace(base, memory_pattern=False)),
        Candidate("no arena", replace(base, memory_arena=False)),
    ]
    found += [
        Candidate(f"optimization {level}", replace(base, graph_optimization=level))
        for level in OPTIMIZATIONS
        if level != base.graph_optimization
    ]
    threads = thread_counts(cores)
    found += [Candidate(f"{n} threads", replace(base, intra_op_threads=n)) for n in threads]
    if threads:
        spinning = replace(base, intra_op_threads=cores, spinning=True)
        found.append(Candidate(f"{cores} threads, spinning", spinning))
        found.append(Candidate(f"{cores} branches", replace(base, inter_op_threads=cores)))
    for graph in graphs:
        found.append(Candidate(graph, base, graph))
        found += [
            Candidate(f"{graph}, {n} threads", replace(base, intra_op_threads=n), graph)
            for n in threads
        ]
    return found


def thread_counts(cores: int) -> list[int]:
    """2, 4, 8, ... and `cores` itself; empty on one core."""
    doubled = [2**power for power in range(1, cores.bit_length()) if 2**power < cores]
    return [*doubled, cores] if cores > 1 else []
