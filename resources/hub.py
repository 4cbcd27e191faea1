"""The one adapter over the IoT Hub service SDK: plain data in, plain data out.

The SDK is used unmodified and imported on first use. Its traps are handled here and nowhere else:
trust of a private CA per client, kept connections, quoted etags, retries of POST and PATCH, and
projections that come back in `additional_properties`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from edge_assets.core.fleet import EDGE_AGENT, DeviceObservation, Twin, observe_fleet, parse_time
from protos.digests import canonical_json
from protos.errors import ConfigurationError, NotFound, Unavailable
from resources.hub_errors import translated
from resources.settings import Settings

_PAGE = "1000"  # the hub may answer with smaller pages
_TIMEOUT_SECONDS = 30.0
_CONFLICTS = 3  # attempts of a read-change-write before giving up
_MOST_CONFIGURATIONS = 100  # IoT Hub keeps at most that many, so one listing shows all


@dataclass(frozen=True)
class Configuration:
    """A deployment in the hub. `content` and `id` never change once it is created."""

    id: str
    content: Mapping[str, Any]
    target_condition: str
    priority: int
    labels: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    """targetedCount, appliedCount, reportedSuccessfulCount, reportedFailedCount."""
    etag: str = ""


@dataclass(frozen=True)
class Device:
    """A device identity."""

    id: str
    edge: bool
    enabled: bool


@dataclass(frozen=True)
class MethodAnswer:
    """What a module answered to a direct method; `status` 200 means done by convention."""

    status: int
    payload: Any


def _quoted(text: str) -> str:
    """`text` as a string literal of the hub's query language."""
    return "'" + text.replace("'", "''") + "'"


class Hub:
    """An IoT hub, real or local.

    Every method raises Unavailable (DeadlineExceeded) when the hub or device does not answer,
    NotFound for what is not there and ConfigurationError when the hub refuses what was asked.
    """

    def __init__(self, connection_string: str, ca: Path | None = None) -> None:
        self._connection_string = connection_string
        self._ca = ca

    @classmethod
    def from_settings(cls, settings: Settings) -> "Hub":
        """The hub of the settings; ConfigurationError when they name none."""
        return cls(settings.required_hub(), settings.hub_ca)

    def _mend(self, manager: Any, retries: int) -> Any:
        config = manager.protocol.config
        config.connection.verify = str(self._ca) if self._ca else True
        config.connection.timeout = _TIMEOUT_SECONDS
        config.keep_alive = True
        # msrest names the methods to retry by an option that urllib3 2 no longer reads, so POST
        # (queries) and PATCH would never be retried. None means every method.
        config.retry_policy.policy.allowed_methods = None
        # The last answer is wanted, not "too many of them": it says what is wrong.
        config.retry_policy.policy.raise_on_status = False
        config.retry_policy.policy.other = 0  # a certificate that is not trusted stays so
        config.retry_policy.retries = retries
        if getattr(manager, "amqp_svc_client", None) is not None:
            # AMQP is for messages to devices, which nobody sends here. Left open, it is closed
            # when the interpreter ends, too late: that fails and prints noise.
            manager.amqp_svc_client.disconnect_sync()
            manager.amqp_svc_client = None
        return manager

    @cached_property
    def _registry(self) -> Any:
        from azure.iot.hub import IoTHubRegistryManager

        with translated("the hub cannot be reached"):
            return self._mend(
                IoTHubRegistryManager.from_connection_string(self._connection_string), 3
            )

    @cached_property
    def _caller(self) -> Any:
        """For direct methods, which are not repeated: twice asked is twice done."""
        from azure.iot.hub import IoTHubRegistryManager

        with translated("the hub cannot be reached"):
            return self._mend(
                IoTHubRegistryManager.from_connection_string(self._connection_string), 0
            )

    @cached_property
    def _configurations(self) -> Any:
        from azure.iot.hub import IoTHubConfigurationManager

        with translated("the hub cannot be reached"):
            return self._mend(
                IoTHubConfigurationManager.from_connection_string(self._connection_string), 3
            )

    # Devices

    def create_device(
        self, device_id: str, key: str, tags: Mapping[str, Any], edge: bool = True
    ) -> bool:
        """Makes the device be there with this key (base64) and these tags; True if it is new.

        Tags that are not named are kept. Safe to repeat.
        """
        with translated(f"device {device_id} was not created"):
            new = self._create_identity(device_id, key, edge)
            self._registry.update_twin(device_id, _sdk("Twin")(tags=dict(tags)))
        return new

    def _create_identity(self, device_id: str, key: str, edge: bool) -> bool:
        from msrest.exceptions import HttpOperationError

        try:
            self._registry.create_device_with_sas(device_id, key, key, "enabled", iot_edge=edge)
        except HttpOperationError as error:
            if error.response.status_code != 409:
                raise
        else:
            return True
        known = self._registry.get_device(device_id)
        if known.authentication.symmetric_key.primary_key != key:
            self._registry.update_device_with_sas(
                device_id, known.etag, key, key, "enabled", iot_edge=edge
            )
        return False

    def device(self, device_id: str) -> Device:
        """One device identity."""
        with translated(f"device {device_id} cannot be read"):
            found = self._registry.get_device(device_id)
        return Device(found.device_id, bool(found.capabilities.iot_edge), found.status == "enabled")

    def devices(self, condition: str = "") -> list[Twin]:
        """The twins of all edge devices, or of those that match a target condition."""
        query = "SELECT * FROM devices WHERE capabilities.iotEdge = true"
        return list(self._query(query + (f" AND ({condition})" if condition else "")))

    # Deployments

    def put_configuration(
        self,
        configuration_id: str,
        content: Mapping[str, Any],
        target_condition: str,
        priority: int,
        labels: Mapping[str, str] | None = None,
    ) -> Configuration:
        """Makes the configuration be there as described. Safe to repeat.

        `content` is `{"modulesContent": {...}}`. If the id is taken by other content it is refused
        with ConfigurationError, because content is immutable.
        """
        known = self.find_configuration(configuration_id)
        if known is None:
            created = _sdk("Configuration")(
                id=configuration_id,
                schema_version="1.0",
                content=_sdk("ConfigurationContent")(modules_content=content["modulesContent"]),
                target_condition=target_condition,
                priority=priority,
                labels=dict(labels or {}),
            )
            with translated(f"configuration {configuration_id} was not created"):
                return _configuration(self._configurations.create_configuration(created))
        if canonical_json(known.content) != canonical_json(content):
            raise ConfigurationError(
                f"configuration {configuration_id} was not changed",
                why="the hub has other content under this id, and content is immutable",
                remedy="make a release with a new number, or delete the old configuration first",
            )
        return self.update_target(configuration_id, target_condition, priority, labels)

    def update_target(
        self,
        configuration_id: str,
        target_condition: str | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Configuration:
        """Changes what may change; None leaves it. A lost race is tried again, then Unavailable."""
        from msrest.exceptions import HttpOperationError

        what = f"configuration {configuration_id} was not updated"
        for _ in range(_CONFLICTS):
            with translated(what):
                known = self._configurations.get_configuration(configuration_id)
                if target_condition is not None:
                    known.target_condition = target_condition
                if priority is not None:
                    known.priority = priority
                if labels is not None:
                    known.labels = dict(labels)
                # This part of the SDK sends the etag as given, and the hub wants it quoted.
                etag = '"' + known.etag.strip('"') + '"'
                try:
                    return _configuration(self._configurations.update_configuration(known, etag))
                except HttpOperationError as error:
                    if error.response.status_code not in (409, 412):
                        raise
        raise Unavailable(
            what,
            why=f"somebody else changed it {_CONFLICTS} times meanwhile",
            remedy="let only one controller run, then try again",
        )

    def find_configuration(self, configuration_id: str) -> Configuration | None:
        """The configuration, or None when there is none of this id."""
        try:
            with translated(f"configuration {configuration_id} cannot be read"):
                return _configuration(self._configurations.get_configuration(configuration_id))
        except NotFound:
            return None

    def configurations(self) -> list[Configuration]:
        """All configurations, by ascending priority: the order in which layers are applied."""
        with translated("the configurations cannot be listed"):
            found = self._configurations.get_configurations(_MOST_CONFIGURATIONS)
        return sorted(map(_configuration, found), key=lambda c: (c.priority, c.id))

    def delete_configuration(self, configuration_id: str) -> bool:
        """Makes it not be there; False when it was not. Devices fall back to the layers below."""
        try:
            with translated(f"configuration {configuration_id} was not deleted"):
                self._configurations.delete_configuration(configuration_id)
        except NotFound:
            return False
        return True

    # Modules

    def module_twin(self, device_id: str, module_id: str) -> Twin:
        """The twin of one module."""
        with translated(f"the twin of {device_id}/{module_id} cannot be read"):
            return _twin(self._registry.get_module_twin(device_id, module_id))

    def module_twins(self, module_id: str) -> list[Twin]:
        """The twins of that module on every device."""
        query = f"SELECT * FROM devices.modules WHERE moduleId = {_quoted(module_id)}"  # noqa: S608
        return list(self._query(query))

    def edge_agents(self, condition: str = "") -> list[Twin]:
        """The twins of `$edgeAgent`, of all devices or of those matching a target condition.

        Tags belong to devices and cannot be asked for among modules, hence two queries.
        """
        agents = self.module_twins(EDGE_AGENT)
        if not condition:
            return agents
        targeted = {twin.device_id for twin in self.devices(condition)}
        return [twin for twin in agents if twin.device_id in targeted]

    def update_module_desired(
        self, device_id: str, module_id: str, desired: Mapping[str, Any]
    ) -> Twin:
        """Merges `desired` into the desired properties; a value of None removes its key."""
        patch = _sdk("Twin")(properties=_sdk("TwinProperties")(desired=dict(desired)))
        with translated(f"the desired properties of {device_id}/{module_id} were not changed"):
            return _twin(self._registry.update_module_twin(device_id, module_id, patch))

    def invoke_method(
        self,
        device_id: str,
        module_id: str,
        name: str,
        payload: Any = None,
        deadline_seconds: int = 30,
    ) -> MethodAnswer:
        """Calls a direct method and waits for the answer, 5 to 300 seconds as the hub allows."""
        deadline = min(max(int(deadline_seconds), 5), 300)
        request = _sdk("CloudToDeviceMethod")(
            method_name=name,
            payload=payload,
            response_timeout_in_seconds=deadline,
            connect_timeout_in_seconds=min(deadline, 10),
        )
        with translated(f"method {name} of {device_id}/{module_id} gave no answer"):
            answer = self._caller.protocol.modules.invoke_method(
                device_id, module_id, request, timeout=deadline + 15.0
            )
        return MethodAnswer(answer.status, answer.payload)

    # The fleet

    def observe(self, model: str) -> list[DeviceObservation]:
        """The whole fleet as it concerns one edge model, in three (paged) queries."""
        return observe_fleet(
            self.devices(),
            self.module_twins(EDGE_AGENT),
            self.module_twins(f"{model}_smoke_test"),
        )

    def _query(self, text: str) -> Iterator[Twin]:
        continuation: str | None = None
        while True:
            with translated("the hub cannot be queried"):
                page = self._registry.query_iot_hub(
                    _sdk("QuerySpecification")(query=text), continuation, _PAGE
                )
            yield from map(_twin, page.items or [])
            continuation = page.continuation_token
            if not continuation:
                return


def _sdk(name: str) -> Callable[..., Any]:
    from azure.iot.hub.protocol import models

    model: Callable[..., Any] = getattr(models, name)
    return model


def _twin(raw: Any) -> Twin:
    statuses = (raw.additional_properties or {}).get("configurations") or {}
    return Twin(
        device_id=raw.device_id,
        module_id=raw.module_id,
        tags=raw.tags or {},
        desired=(raw.properties.desired if raw.properties else None) or {},
        reported=(raw.properties.reported if raw.properties else None) or {},
        configurations={key: str(value.get("status", "")) for key, value in statuses.items()},
        connected=raw.connection_state == "Connected",
        last_activity=parse_time(raw.last_activity_time),
    )


def _configuration(raw: Any) -> Configuration:
    results = raw.system_metrics.results if raw.system_metrics else None
    return Configuration(
        id=raw.id,
        content={"modulesContent": raw.content.modules_content or {}},
        target_condition=raw.target_condition or "",
        priority=raw.priority or 0,
        labels=raw.labels or {},
        metrics=results or {},
        etag=raw.etag or "",
    )
