"""`python -m tests.fuzz.frames --runs N`: frames that are nearly right, to the fast transport."""

from tests.fuzz.target import atheris, run

with atheris.instrument_imports(include=["inference_service"]):
    from tests.fuzz.program import check

if __name__ == "__main__":
    run(check, "frames")
