"""Configurations, by the service SDK."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.iot.hub.models import Configuration, ConfigurationContent, ConfigurationMetrics
from azure.iot.hub.protocol.models import ConfigurationQueriesTestInput
from msrest.exceptions import HttpOperationError

from edge.local_hub.limits import Limits
from edge.local_hub.testing import running_hub
from tests.edge.local_hub.conftest import BASE, connect, layer


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_hub(tmp_path_factory.mktemp("hub"), limits=Limits(configurations=3)) as hub:
        yield connect(hub)


@pytest.fixture(autouse=True)
def _clean(service: Any) -> None:
    for one in service.configurations.get_configurations():
        service.configurations.delete_configuration(one.id)


def refused(call: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(HttpOperationError) as caught:
        call(*arguments)
    response = caught.value.response
    return response.status_code, response.json()["Message"]


def test_create_get_list_delete(service: Any) -> None:
    made = service.deploy("taxi-r0001", layer(m="x"), "tags.a = 1", 3)
    found = service.configurations.get_configuration("taxi-r0001")
    assert (found.id, found.priority, found.target_condition) == ("taxi-r0001", 3, "tags.a = 1")
    assert found.content.modules_content == layer(m="x")
    assert found.created_time_utc == made.created_time_utc
    assert found.system_metrics.results["targetedCount"] == 0
    service.deploy("another", BASE, "*", 0)
    assert [one.id for one in service.configurations.get_configurations()] == [
        "another",
        "taxi-r0001",
    ]
    assert len(service.configurations.get_configurations(1)) == 1
    service.configurations.delete_configuration("taxi-r0001")
    status, message = refused(service.configurations.get_configuration, "taxi-r0001")
    assert (status, message.split(";")[0]) == (404, "ErrorCode:ConfigurationNotFound")


def test_a_second_of_that_id_is_refused(service: Any) -> None:
    service.deploy("c", BASE, "*", 0)
    assert refused(service.deploy, "c", BASE, "*", 0)[0] == 409


def update(service: Any, etag: str, **changes: Any) -> Any:
    wanted = service.configurations.get_configuration("c")
    for name, value in changes.items():
        setattr(wanted, name, value)
    return service.configurations.update_configuration(wanted, etag)


def test_an_update_needs_the_quoted_etag(service: Any) -> None:
    etag = service.deploy("c", layer(m="x"), "tags.a = 1", 3).etag
    status, message = refused(lambda: update(service, etag, priority=4))
    assert status == 412
    assert "not a quoted etag" in message
    assert service.configurations.get_configuration("c").priority == 3
    changed = update(
        service, f'"{etag}"', priority=4, target_condition="tags.a = 2", labels={"k": "v"}
    )
    assert (changed.priority, changed.target_condition, changed.labels) == (
        4,
        "tags.a = 2",
        {"k": "v"},
    )
    assert changed.etag != etag
    assert refused(lambda: update(service, f'"{etag}"', priority=5))[0] == 412
    assert update(service, "*", priority=5).priority == 5


def test_a_delete_needs_the_quoted_etag_too(service: Any) -> None:
    etag = service.deploy("c", layer(m="x"), "tags.a = 1", 3).etag
    delete = service.configurations.delete_configuration
    assert refused(delete, "c", etag)[0] == 412
    assert refused(delete, "c", '"x"')[0] == 412
    delete("c", f'"{etag}"')
    assert refused(delete, "c")[0] == 404


def test_the_content_cannot_be_updated(service: Any) -> None:
    service.deploy("c", layer(m="x"), "tags.a = 1", 3)
    other = ConfigurationContent(modules_content=layer(m="y"))
    status, message = refused(lambda: update(service, "*", content=other))
    assert status == 400
    assert "content of a configuration cannot be updated" in message


def test_updating_what_is_not_there_is_refused(service: Any) -> None:
    wanted = Configuration(id="n", content=ConfigurationContent(modules_content=BASE))
    assert refused(service.configurations.update_configuration, wanted, "*")[0] == 404


def test_the_limit_of_the_hub(service: Any) -> None:
    for number in range(3):
        service.deploy(f"c{number}", BASE, "tags.a = 1", number)
    status, message = refused(service.deploy, "c3", BASE, "tags.a = 1", 3)
    assert (status, message.split(";")[0]) == (403, "ErrorCode:ConfigurationCountLimitExceeded")
    service.configurations.delete_configuration("c0")
    assert service.deploy("c3", BASE, "tags.a = 1", 3).id == "c3"


@pytest.mark.parametrize(
    ("name", "condition", "complaint"),
    [
        ("Upper", "*", "lower case"),
        ("c", "properties.reported.x = 1", "tags and deviceId only"),
        ("c", "tags.a = ", "targetConditionError"),
    ],
)
def test_what_is_wrong_is_told(service: Any, name: str, condition: str, complaint: str) -> None:
    status, message = refused(service.deploy, name, BASE, condition, 0)
    assert status == 400
    assert complaint in message


def test_custom_metrics(service: Any) -> None:
    for ring in ("m1", "m1", "m2"):
        service.device(ring=ring)
    queries = {"ones": "SELECT deviceId FROM devices WHERE tags.ring = 'm1'"}
    service.configurations.create_configuration(
        Configuration(
            id="c",
            target_condition="tags.ring = 'm2'",
            content=ConfigurationContent(modules_content=BASE),
            metrics=ConfigurationMetrics(queries=queries, results={}),
        )
    )
    found = service.configurations.get_configuration("c")
    assert found.metrics.results == {"ones": 2}
    assert found.metrics.queries == queries
    assert found.system_metrics.results["targetedCount"] == 1


def test_test_queries(service: Any) -> None:
    good = ConfigurationQueriesTestInput(
        target_condition="tags.a = 1", custom_metric_queries={"m": "SELECT * FROM devices"}
    )
    answer = service.configurations.test_configuration_queries(good)
    assert (answer.target_condition_error, answer.custom_metric_query_errors) == (None, None)
    bad = ConfigurationQueriesTestInput(
        target_condition="connectionState = 1", custom_metric_queries={"m": "SELECT"}
    )
    answer = service.configurations.test_configuration_queries(bad)
    assert "tags and deviceId only" in answer.target_condition_error
    assert answer.custom_metric_query_errors.keys() == {"m"}
