"""What the register was released against: the names of the model's input and output."""

import json
from dataclasses import dataclass
from pathlib import Path

from protos.errors import ConfigurationError

LONGEST = 400
"""Characters of a description, where the contract tells no other number."""
MOST = 4000
"""Characters that no contract goes beyond: a correction must fit into a message."""


@dataclass(frozen=True)
class Contract:
    """`text` is the model's input, `label` its output of 0 or 1; both are columns of a batch.

    `max_length` is the longest text in characters that may be entered.
    """

    text: str = "description"
    label: str = "non_compliant"
    max_length: int = LONGEST

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Reads `model.json` of a release: its one BYTES input and its first output.

        The defaults where there is no such file: the register runs alone then. Raises
        ConfigurationError for a model that does not judge one text.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise _wrong(path, error.strerror or type(error).__name__) from None
        try:
            described = json.loads(text)
            inputs, outputs = described["inputs"], described["outputs"]
            kinds = [(str(entry["name"]), str(entry["datatype"])) for entry in inputs]
            label, datatype = str(outputs[0]["name"]), str(outputs[0]["datatype"])
            longest = int(inputs[0].get("max_length") or LONGEST)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise _wrong(path, "it describes no model") from None
        if [kind for _, kind in kinds] != ["BYTES"] or datatype != "INT64" or longest < 1:
            raise _wrong(path, "the register is for a model of one text that answers INT64")
        return cls(kinds[0][0], label, min(longest, MOST))


def _wrong(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the contract {path} cannot be used",
        why=why,
        remedy="build the image again, or unset WEBAPP_CONTRACT",
    )
