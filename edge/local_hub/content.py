"""Checks of a configuration before it is stored: id, priority, condition, metrics, content."""

import re
from collections.abc import Mapping

from edge.local_hub.errors import bad_argument
from edge.local_hub.expressions import ExpressionError
from edge.local_hub.limits import Limits
from edge.local_hub.merge import AGENT, EDGE_HUB, ROOT, assignments
from edge.local_hub.query import parse_query
from edge.local_hub.target_condition import parse_target_condition
from edge.local_hub.values import Doc, Json

_ID = re.compile(r"[a-z0-9\-+%_*!']+")
_CREATE_OPTIONS = re.compile(r"createOptions(\d\d)?")
_CHOICES = {
    "status": ("running", "stopped"),
    "restartPolicy": ("never", "on-failure", "on-unhealthy", "always"),
    "imagePullPolicy": ("on-create", "never"),
    "type": ("docker",),
}


def check_configuration(name: str, body: Json, limits: Limits) -> Doc:
    """The parts of a request body that are stored; HubError 400 if anything is wrong."""
    if not isinstance(body, Mapping):
        raise bad_argument("the body must be an object")
    if not _ID.fullmatch(name) or len(name) > limits.id_characters:
        raise bad_argument("an id is at most 128 of: lower case letters, digits, -+%_*!'")
    if body.get("id", name) != name:
        raise bad_argument("the id of the body is not that of the path")
    priority = body.get("priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority < 2**31:
        raise bad_argument("priority must be an integer from 0 to 2147483647")
    labels = body.get("labels") or {}
    metrics = (body.get("metrics") or {}).get("queries") or {}
    condition = body.get("targetCondition") or ""
    wrong = check_queries(condition, metrics, limits)
    if wrong:
        raise bad_argument(f"target condition or metric queries: {wrong}")
    content = body.get("content")
    if not isinstance(content, Mapping) or not content.get("modulesContent"):
        raise bad_argument("content.modulesContent is missing (the local hub has no other content)")
    check_modules_content(content["modulesContent"], limits)
    return {
        "priority": priority,
        "labels": labels,
        "metricQueries": metrics,
        "targetCondition": condition,
        "content": {"modulesContent": content["modulesContent"]},
    }


def check_queries(condition: Json, metrics: Json, limits: Limits) -> Doc:
    """What is wrong with a condition and queries, as `testQueries` answers; {} if nothing."""
    wrong: Doc = {}
    if condition:
        try:
            parse_target_condition(_text(condition, limits), limits.expression_depth)
        except ExpressionError as error:
            wrong["targetConditionError"] = str(error)
    if not isinstance(metrics, Mapping):
        raise bad_argument("metric queries must be an object")
    if len(metrics) > limits.custom_metrics:
        raise bad_argument(f"at most {limits.custom_metrics} custom metrics")
    errors: Doc = {}
    for key, text in metrics.items():
        try:
            parse_query(_text(text, limits), limits.expression_depth)
        except ExpressionError as error:
            errors[key] = str(error)
    return {**wrong, "customMetricQueryErrors": errors} if errors else wrong


def check_modules_content(content: Json, limits: Limits) -> None:
    """Raises HubError 400 unless `content` is a full or a layered deployment."""
    if not isinstance(content, Mapping) or AGENT not in content:
        raise bad_argument(f"modulesContent must be an object with {AGENT} ({{}} if empty)")
    if not all(isinstance(entries, Mapping) for entries in content.values()):
        raise bad_argument("each module of modulesContent must be an object")
    try:
        found = assignments(content)
    except ValueError as error:
        raise bad_argument(str(error)) from error
    for module, path, value in found:
        _check_overlap(module, path, content)
        if module == AGENT:
            _check_agent(path, value, limits)
    if len(content) - len({AGENT, EDGE_HUB} & set(content)) > limits.modules_per_configuration:
        raise bad_argument(f"at most {limits.modules_per_configuration} modules")


def _check_overlap(module: str, path: tuple[str, ...], content: Mapping[str, Json]) -> None:
    for length in range(len(path)):
        if ".".join((ROOT, *path[:length])) in content[module]:
            raise bad_argument(
                f"{module}: {'.'.join(path)} lies below another path of this content"
            )


def _check_agent(path: tuple[str, ...], value: Json, limits: Limits) -> None:
    """Looks at what `$edgeAgent` gets: a whole deployment, or parts of one."""
    if not path:
        if not isinstance(value, Mapping):
            raise bad_argument(f"{AGENT}: {ROOT} must be an object")
        system = value.get("systemModules")
        if "runtime" not in value or not isinstance(system, Mapping):
            raise bad_argument("a full deployment needs runtime and systemModules")
        for module in ("edgeAgent", "edgeHub"):
            if module not in system:
                raise bad_argument(f"systemModules.{module} is missing")
            _check_module(module, system[module], limits)
        modules = value.get("modules") or {}
        if not isinstance(modules, Mapping) or len(modules) > limits.modules_per_configuration:
            raise bad_argument(f"modules must be an object of {limits.modules_per_configuration}")
        for module, module_value in modules.items():
            _check_module(module, module_value, limits)
    elif path[0] == "modules" and len(path) == 2 and value is not None:
        _check_module(path[1], value, limits)
    elif path[0] == "systemModules" and len(path) == 1:
        raise bad_argument("a layered deployment cannot set systemModules as a whole")


def _check_module(name: str, module: Json, limits: Limits) -> None:
    if not isinstance(module, Mapping) or not isinstance(module.get("settings"), Mapping):
        raise bad_argument(f"module {name} has no settings")
    if not module["settings"].get("image"):
        raise bad_argument(f"module {name} has no image")
    for field, allowed in _CHOICES.items():
        if field in module and module[field] not in allowed:
            raise bad_argument(f"module {name}: {field} must be one of {', '.join(allowed)}")
    for field, value in module["settings"].items():
        if _CREATE_OPTIONS.fullmatch(field) and (
            not isinstance(value, str) or len(value) > limits.create_options_characters
        ):
            raise bad_argument(
                f"module {name}: {field} must be a string of at most "
                f"{limits.create_options_characters} characters; split it over createOptions01, ..."
            )


def _text(value: Json, limits: Limits) -> str:
    if not isinstance(value, str) or len(value) > limits.query_characters:
        raise bad_argument(f"a query is a text of at most {limits.query_characters} characters")
    return value
