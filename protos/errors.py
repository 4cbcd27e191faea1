"""The one error tree. Every error says what happened, why, and what to do about it.

EdgeAssetsError                 exit code 1
├── ConfigurationError          2   a setting, a model.yaml or an argument is wrong
├── GateClosed                  3   a gate did its work and refused
│   ├── DataRefused                 a batch was set aside: unreadable, incomplete or delivered twice
│   ├── LeakageFound                the holdout or the target leaks into training
│   ├── FloorMissed                 a candidate misses a metric floor
│   ├── ChampionNotBeaten           a candidate is not better than the champion
│   ├── ParityFailed                the ONNX artifact and the model disagree
│   ├── BudgetExceeded              too slow or too large for its device
│   ├── VerificationFailed          the image was started and did not answer as it must
│   ├── ApprovalMissing             nobody approved exactly these digests
│   └── RolloutFailed               a ring's gate closed
├── IntegrityError              1   bytes do not have the digest that was asked for
├── NotFound                    1   what was asked for is not there
└── Unavailable                 1   the hub, the registry or a device does not answer
    └── DeadlineExceeded            what was waited for did not come in time
"""


class EdgeAssetsError(Exception):
    """Base of every error that a person may see.

    `what` happened, in one clause; `why`, the cause as far as it is known; `remedy`, the next thing
    to do. None of the three may hold a secret.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = what, why, remedy
        super().__init__(what, why, remedy)

    def __str__(self) -> str:
        text = self.what
        if self.why:
            text += f": {self.why}"
        if self.remedy:
            text += f". To mend it: {self.remedy}"
        return text


class ConfigurationError(EdgeAssetsError):
    """A setting, a `model.yaml` or an argument is wrong."""

    exit_code = 2


class GateClosed(EdgeAssetsError):
    """A gate did its work: what was asked for is refused."""

    exit_code = 3


class DataRefused(GateClosed):
    """A batch was set aside: unreadable, incomplete or delivered twice."""


class LeakageFound(GateClosed):
    """The holdout, or the answer itself, leaks into training."""


class FloorMissed(GateClosed):
    """A candidate misses a metric floor."""


class ChampionNotBeaten(GateClosed):
    """A candidate is not demonstrably better than the champion."""


class ParityFailed(GateClosed):
    """The ONNX artifact and the trained model disagree beyond the tolerance."""


class BudgetExceeded(GateClosed):
    """A model is too slow or too large for the device it is meant for."""


class VerificationFailed(GateClosed):
    """An image was started and did not answer as it must."""


class ApprovalMissing(GateClosed):
    """Nobody approved exactly these digests."""


class RolloutFailed(GateClosed):
    """The gate of a ring closed; the ring was rolled back."""


class IntegrityError(EdgeAssetsError):
    """Bytes do not have the digest that was asked for; they are not used."""


class NotFound(EdgeAssetsError):
    """What was asked for is not there."""


class Unavailable(EdgeAssetsError):
    """The hub, the registry or a device does not answer."""


class DeadlineExceeded(Unavailable):
    """What was waited for did not come in time."""
