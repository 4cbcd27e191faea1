"""What is tuned: a model folder with the questions that it is measured with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inference_service.description import ModelDescription, TensorSpec, parse_description
from inference_service.tune import questions
from inference_service.tune.parity import Answers, Tolerance
from inference_service.tune.questions import Question
from protos.digests import digest_file, short
from protos.errors import ConfigurationError, IntegrityError, NotFound
from protos.golden import Golden

_MADE_UP = 16


@dataclass(frozen=True)
class Subject:
    """A verified model folder. The first questions are those with `golden_answers`.

    The last are those with `truth`: what is right, whatever the model says; of some outputs.
    `origin` says where the questions come from; `real` is False where they are made up.
    """

    folder: Path
    description: ModelDescription
    questions: Sequence[Question]
    golden_answers: Sequence[Answers]
    tolerance: Tolerance
    origin: str
    real: bool
    truth: Sequence[Answers] = ()

    @property
    def model(self) -> Path:
        """The graph as built."""
        return self.folder / "model.onnx"

    @property
    def free_rows(self) -> bool:
        """Whether several rows can be asked at once."""
        return questions.has_free_rows(self.description.inputs)

    def with_rows(
        self, asked: Sequence[Question], truth: Sequence[Answers], origin: str
    ) -> "Subject":
        """The same with more real questions; `truth` says what is right of each of them."""
        before = self.questions if self.real else []
        origins = f"{self.origin} and {origin}" if self.real else origin
        return replace(self, questions=[*before, *asked], truth=truth, origin=origins, real=True)


def read_subject(
    folder: Path,
    calibration: Path | None = None,
    tolerance: float | None = None,
    agreement: float = 1.0,
    metric: float = 0.01,
) -> Subject:
    """The model in `folder`, with its golden questions and the rows of `calibration` (`.npz`).

    Without both, questions are made up within the declared bounds. `tolerance` (absolute) replaces
    that of golden.json; `agreement` and `metric` are those of Tolerance. Arrays of `calibration`
    with the names of outputs say what is right of its rows. Raises NotFound, IntegrityError or
    ConfigurationError for what is wrong.
    """
    description = parse_description(_read(folder / "model.json"))
    digest = digest_file(folder / "model.onnx") if (folder / "model.onnx").is_file() else ""
    if digest != description.digest:
        raise IntegrityError(
            "model.onnx does not have its digest",
            why=f"{short(digest) or 'nothing'} instead of {short(description.digest)}",
            remedy="build the model folder again",
        )
    asked: list[Question] = []
    answers: list[Answers] = []
    truth: list[Answers] = []
    limits, origins = Tolerance(agreement=agreement, metric=metric), []
    if (folder / "golden.json").exists():
        golden = Golden.from_json(_read(folder / "golden.json"))
        if golden.model_digest != digest:
            raise IntegrityError(
                "golden.json is of another model",
                why=f"{short(golden.model_digest)} instead of {short(digest)}",
                remedy="build the model folder again",
            )
        asked = questions.from_golden(
            [g.inputs for g in golden.requests],
            description.inputs,
            [g.shapes for g in golden.requests],
        )
        answers = [
            questions.from_golden([g.outputs], _named(description.outputs, g.outputs))[0]
            for g in golden.requests
        ]
        told = golden.tolerance
        limits = replace(limits, absolute=told.absolute, relative=told.relative)
        origins.append("golden.json")
    if calibration is not None:
        rows = questions.from_npz(calibration, description.inputs)
        truth = questions.truth_from_npz(calibration, description.outputs, len(rows))
        asked += rows
        origins.append(calibration.name)
    if tolerance is not None:
        limits = replace(limits, absolute=tolerance)
    real = bool(asked)
    return Subject(
        folder,
        description,
        asked or questions.made_up(description.inputs, _MADE_UP),
        answers,
        limits,
        " and ".join(origins) or "made up",
        real,
        truth,
    )


def _named(specs: Sequence[TensorSpec], names: Collection[str]) -> list[TensorSpec]:
    found = [spec for spec in specs if spec.name in names]
    if len(found) != len(names):
        raise ConfigurationError(
            "golden.json does not fit the model",
            why=f"it asks for {', '.join(names)}",
            remedy="build the model folder again",
        )
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{path.name} cannot be read",
            why=error.strerror or "",
            remedy="name a model folder: model.onnx, model.json and, best, golden.json",
        ) from None
