"""Configurations (deployments): create, update, delete, and their metrics."""

from collections.abc import Mapping

from edge.local_hub import errors
from edge.local_hub.content import check_configuration, check_queries
from edge.local_hub.etags import check_if_match, version_etag
from edge.local_hub.metrics import SystemMetrics, system_queries
from edge.local_hub.queries import Queries
from edge.local_hub.state import State
from edge.local_hub.values import Doc, Json


class Configurations:
    """The configurations of the hub, at most `limits.configurations`."""

    def __init__(self, state: State, queries: Queries) -> None:
        self._state = state
        self._queries = queries

    def find(self, name: str) -> Doc | None:
        """The stored configuration, or None."""
        return self._state.documents.get("configuration", name)

    def put(self, name: str, body: Json, if_match: str | None) -> bool:
        """Creates or (with If-Match) updates one from a request body; True if it is new.

        Raises HubError: 400 for a wrong body or a change of the content, 403 at the limit, 404, 409
        if it exists, 412.
        """
        wanted = check_configuration(name, body, self._state.limits)
        old = self.find(name)
        now = self._state.now()
        if old is None:
            if if_match is not None:
                raise _not_found(name)
            limit = self._state.limits.configurations
            if len(self._state.documents.owners("configuration")) >= limit:
                raise errors.HubError(
                    403, "ConfigurationCountLimitExceeded", f"the hub has {limit} configurations"
                )
            new = {**wanted, "createdTimeUtc": now, "lastUpdatedTimeUtc": now, "version": 1}
            self._state.documents.put("configuration", name, "", new)
            return True
        if if_match is None:
            raise errors.HubError(
                409, "ConfigurationAlreadyExists", f"Configuration {name} already exists"
            )
        check_if_match(if_match, version_etag(old["version"]))
        if wanted["content"] != old["content"]:
            raise errors.bad_argument("the content of a configuration cannot be updated")
        changed = {
            **wanted,
            "createdTimeUtc": old["createdTimeUtc"],
            "lastUpdatedTimeUtc": now,
            "version": old["version"] + 1,
        }
        self._state.documents.put("configuration", name, "", changed)
        return False

    def delete(self, name: str, if_match: str | None) -> None:
        """Removes one; HubError 404, 412."""
        old = self.find(name)
        if old is None:
            raise _not_found(name)
        if if_match is not None:
            check_if_match(if_match, version_etag(old["version"]))
        self._state.documents.delete("configuration", name)

    def view(self, name: str) -> Doc:
        """One as REST shows it, with its metrics; HubError 404."""
        return self._views([name])[0]

    def first(self, top: int) -> list[Doc]:
        """The first `top` configurations by id."""
        return self._views(self._state.documents.owners("configuration")[:top])

    def test_queries(self, body: Json) -> Doc:
        """What is wrong with a target condition and custom metric queries; empty if nothing."""
        if not isinstance(body, Mapping):
            raise errors.bad_argument("the body must be an object")
        return check_queries(
            body.get("targetCondition"), body.get("customMetricQueries") or {}, self._state.limits
        )

    def _views(self, names: list[str]) -> list[Doc]:
        metrics = SystemMetrics.of(self._queries.agents())
        return [self._view(name, metrics) for name in names]

    def _view(self, name: str, metrics: SystemMetrics) -> Doc:
        stored = self.find(name)
        if stored is None:
            raise _not_found(name)
        queries: Mapping[str, str] = stored["metricQueries"]
        return {
            "id": name,
            "schemaVersion": "1.0",
            "labels": stored["labels"],
            "content": stored["content"],
            "targetCondition": stored["targetCondition"],
            "createdTimeUtc": stored["createdTimeUtc"],
            "lastUpdatedTimeUtc": stored["lastUpdatedTimeUtc"],
            "priority": stored["priority"],
            "systemMetrics": {
                "results": metrics.results(name),
                "queries": system_queries(name, stored["targetCondition"]),
            },
            "metrics": {
                "results": {key: self._queries.count(text) for key, text in queries.items()},
                "queries": queries,
            },
            "etag": version_etag(stored["version"]),
        }


def _not_found(name: str) -> errors.HubError:
    return errors.HubError(404, "ConfigurationNotFound", f"Configuration {name} not found")
