"""Which extra of this project brings a package that is not installed, and how to get it."""

from collections.abc import Sequence

from protos.errors import ConfigurationError

EXTRAS = {
    **dict.fromkeys(("torch", "keras", "onnxscript", "safetensors", "h5py"), "deep"),
    **dict.fromkeys(("lightgbm", "xgboost", "onnxmltools"), "boosting"),
}
"""Package, as it is imported -> the extra that brings it."""


def install(extra: str) -> str:
    """How an extra is installed: this project is no package of any index, so from its checkout."""
    return f"pip install -e '.[{extra}]', run in the checkout of this project"


def lacking(what: str, missing: Sequence[str], extra: str) -> ConfigurationError:
    """The error that says what cannot be done without the packages of an extra."""
    return ConfigurationError(
        what,
        why=f"not installed: {', '.join(missing)}, of the extra {extra}",
        remedy=install(extra),
    )


def missing_package(error: BaseException) -> str:
    """The package of an extra that `error` misses, or an empty text."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    return package if package in EXTRAS else ""
