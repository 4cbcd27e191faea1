"""Settings of the modules, read from the environment with bounds."""

from collections.abc import Mapping

from protos.errors import ConfigurationError


def number_setting(
    environ: Mapping[str, str], name: str, default: float, low: float, high: float
) -> float:
    """The number that `name` holds, `default` if not set. Raises ConfigurationError."""
    text = environ.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigurationError(
            f"{name} is {text!r}",
            why=f"it must be a number from {low:.12g} to {high:.12g}",
            remedy=f"set {name} within these bounds, or unset it for {default:.12g}",
        )
    return value


def module_id(environ: Mapping[str, str]) -> str:
    """The id of this module as IoT Edge, or the local connection string, tells it; else empty."""
    if own := environ.get("IOTEDGE_MODULEID", ""):
        return own
    for part in environ.get("EdgeHubConnectionString", "").split(";"):
        key, _, value = part.partition("=")
        if key.strip() == "ModuleId":
            return value.strip()
    return ""
