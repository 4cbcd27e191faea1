"""From a field of a request, its options and its input: the rule and the default of its values."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from inference_service.contracts.kinds import Kind, kind_of, names_of
from inference_service.contracts.options import Terms, misfit
from inference_service.contracts.rule import Rule
from inference_service.datatypes import DATATYPES
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest

NO_DEFAULT = object()
_TRUTH = {"true": True, "false": False}


def rule_of(field: FieldDescriptor, terms: Terms, spec: TensorSpec) -> Rule:
    """What values of `field` may be, where it stands for the input `spec`.

    Bounds and categories that the contract does not give are those of model.json. Where bounds of
    the contract only warn, those of model.json still refuse. Raises ConfigurationError where the
    contract asks for what no value could meet.
    """
    kind = kind_of(field, spec.datatype, into_model=True)
    dtype, names = DATATYPES[spec.datatype].dtype, names_of(field)
    countable = kind in (Kind.FLOAT, Kind.INTEGER)
    if not countable and not (terms.minimum is None and terms.maximum is None):
        raise misfit(f"field {field.full_name} has bounds", f"it holds {kind.value}")
    if terms.non_finite and kind is not Kind.FLOAT:
        raise misfit(f"field {field.full_name} has non_finite", f"it holds {kind.value}")
    low = spec.minimum if terms.minimum is None else terms.minimum
    high = spec.maximum if terms.maximum is None else terms.maximum
    if not (low is None or high is None or low <= high):
        raise misfit(f"field {field.full_name} is from {low} to {high}", "no value can be")
    least = spec.minimum if terms.warn and terms.minimum is not None else None
    most = spec.maximum if terms.warn and terms.maximum is not None else None
    if field.type == FieldDescriptor.TYPE_FLOAT and dtype == np.float64:
        # The client's 0.1 comes as the nearest FP32 number: so must the bound 0.1 be read.
        low, high, least, most = (
            None if n is None else float(np.float32(n)) for n in (low, high, least, most)
        )
    allowed = _allowed(field, kind, terms) or spec.categories
    if terms.warn and low is None and high is None and allowed is None:
        raise misfit(
            f"field {field.full_name} warns", "neither bounds nor allowed values are given"
        )
    return Rule(
        field=field.name,
        kind=kind,
        datatype=spec.datatype,
        dtype=dtype,
        names=names,
        minimum=low,
        maximum=high,
        allowed=allowed,
        warn=terms.warn,
        non_finite=terms.non_finite,
        least=least,
        most=most,
    )


def default_of(field: FieldDescriptor, terms: Terms, rule: Rule) -> Any:
    """What the model gets where `field` is not set, NO_DEFAULT if it must be set.

    Raises ConfigurationError for a default that the field could not hold, and for a field that
    cannot tell unset from zero, unless the contract says that zero is meant.
    """
    if field.is_repeated:
        if terms.default is not None:
            raise misfit(f"field {field.full_name} has a default", "it is repeated")
        return NO_DEFAULT
    if terms.default is None:
        if field.has_presence:
            return NO_DEFAULT
        raise misfit(
            f"field {field.full_name} cannot tell unset from zero",
            "it is not optional",
            remedy="write `optional` before it, or give it the default that zero is meant to be",
        )
    value = _read(field, terms.default, rule)
    if not field.has_presence and value:
        raise misfit(
            f"field {field.full_name} has the default {terms.default[:40]!r}",
            "without `optional` an unset field is zero",
            remedy="write `optional` before it",
        )
    if isinstance(value, float) and math.isnan(value):
        return value
    try:
        return replace(rule, warn=False).judge(value, None, [])
    except InvalidRequest as error:
        raise misfit(f"field {field.full_name} has a default of no use", error.what) from error


def _allowed(
    field: FieldDescriptor, kind: Kind, terms: Terms
) -> tuple[str, ...] | tuple[int, ...] | None:
    if not terms.allowed:
        return None
    where = f"field {field.full_name} allows "
    if kind in (Kind.FLOAT, Kind.BOOL):
        raise misfit(where + "some values", f"it holds {kind.value}: give bounds")
    if kind is Kind.INTEGER:
        return tuple(_integer(text, where) for text in terms.allowed)
    unknown = [text for text in terms.allowed if text not in names_of(field).values()]
    if kind is Kind.ENUM and unknown:
        raise misfit(where + repr(unknown[0][:40]), "the enum has no such value")
    return terms.allowed


def _read(field: FieldDescriptor, text: str, rule: Rule) -> Any:
    """`text` as a value of the kind of `field`."""
    where = f"field {field.full_name} has the default "
    if rule.kind is Kind.TEXT:
        return text
    if rule.kind is Kind.INTEGER:
        return _integer(text, where)
    if rule.kind is Kind.FLOAT:
        try:
            return float(text)
        except ValueError as error:
            raise misfit(where + repr(text[:40]), "expected a number") from error
    known = {name: n for n, name in rule.names.items()} if rule.kind is Kind.ENUM else _TRUTH
    if text not in known:
        raise misfit(where + repr(text[:40]), "expected one of " + ", ".join(known))
    return known[text]


def _integer(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise misfit(where + repr(text[:40]), "expected an integer") from error
