"""Runs one check under atheris, which finds inputs by the branches that they reach."""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

atheris = importlib.import_module("atheris")  # has no wheel for every Python: only here


def run(check: Callable[[bytes], None], name: str) -> None:
    """The command line of a fuzz target: `--runs N`, `--seconds S`, `--corpus DIR`."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.fuzz.{name}")
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try; -1: until stopped")
    parser.add_argument("--seconds", type=int, default=0, help="stop after; 0: by --runs only")
    parser.add_argument("--seed", type=int, default=1, help="0: another one each time")
    parser.add_argument("--length", type=int, default=400, help="octets of an input, at most")
    parser.add_argument("--corpus", type=Path, help="where inputs that reach more are kept")
    parser.add_argument("--input", type=Path, help="only check this one")
    chosen = parser.parse_args()
    if chosen.input:
        check(chosen.input.read_bytes())
        return
    options = [
        sys.argv[0],
        f"-runs={chosen.runs}",
        f"-max_total_time={chosen.seconds}",
        f"-seed={chosen.seed}",
        f"-max_len={chosen.length}",
        "-len_control=0",
        "-timeout=20",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{name}-",
    ]
    if chosen.corpus:
        chosen.corpus.mkdir(parents=True, exist_ok=True)
        options.append(str(chosen.corpus))
    atheris.Setup(options, check)
    atheris.Fuzz()
