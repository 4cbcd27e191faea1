import base64
from pathlib import Path

import pytest
from azure.iot.hub import IoTHubRegistryManager

from edge.device.identity import HubIdentities
from edge.device.keys import module_connection_string
from edge.device.sdk_client import SdkTwinClient
from edge.local_hub.testing import running_hub
from protos.errors import Unavailable

KEY = base64.b64encode(b"the key of the device").decode()


def test_connects_reads_and_reports_and_says_when_it_cannot(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        manager = IoTHubRegistryManager.from_connection_string(hub.connection_string)
        manager.protocol.config.connection.verify = str(hub.ca)
        manager.create_device_with_sas("line-1", KEY, KEY, "enabled", iot_edge=True)
        key = HubIdentities(hub.host, "line-1", KEY, ca=hub.ca).module_key("$edgeAgent")
        text = module_connection_string(hub.host, hub.gateway, "line-1", "$edgeAgent", key)
        client = SdkTwinClient(text, hub.ca.read_text())
        try:
            client.connect(lambda: None)
            assert client.connected()
            client.report({"a": {"b": 1}})
            assert client.twin()["reported"]["a"] == {"b": 1}
        finally:
            client.close()
        assert not client.connected()
        with pytest.raises(Unavailable, match="get twin"):
            client.twin()
        wrong = base64.b64encode(b"another key").decode()
        text = module_connection_string(hub.host, hub.gateway, "line-1", "$edgeAgent", wrong)
        refused = SdkTwinClient(text, hub.ca.read_text())
        with pytest.raises(Unavailable, match="connect") as caught:
            refused.connect(lambda: None)
        assert wrong not in str(caught.value)
        refused.close()
