"""What all sections of `model.yaml` share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
FunctionPath = Annotated[str, StringConstraints(pattern=r"^\w+(\.\w+)*:\w+$")]
Scalar = bool | int | float | str | None
Text = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """Base of every section: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MisplacedError(ValueError):
    """A mistake that shows only when several values are compared; `place` is where to mend it."""

    def __init__(self, text: str, *place: int | str) -> None:
        super().__init__(text)
        self.place = place
