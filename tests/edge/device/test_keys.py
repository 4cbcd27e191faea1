import base64
import hashlib
import hmac
from urllib.parse import parse_qs

import pytest

from edge.device.keys import derive_device_key, module_connection_string, sas_token
from protos.errors import ConfigurationError

GROUP = base64.b64encode(b"group").decode()


def test_a_device_key_is_the_hmac_of_its_name_under_the_group_key() -> None:
    expected = hmac.new(b"group", b"line-1", hashlib.sha256).digest()
    assert base64.b64decode(derive_device_key(GROUP, "line-1")) == expected


def test_devices_have_different_keys() -> None:
    assert derive_device_key(GROUP, "line-1") != derive_device_key(GROUP, "line-2")


@pytest.mark.parametrize("key", ["", "not base64!"])
def test_a_group_key_that_is_not_base64_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        derive_device_key(key, "line-1")
    assert not key or key not in str(caught.value)


def test_a_token_signs_the_quoted_resource_and_its_expiry() -> None:
    token = sas_token("localhost:18443/devices/line-1", GROUP, 1700000000)
    fields = parse_qs(token.removeprefix("SharedAccessSignature "))
    assert fields["sr"] == ["localhost:18443/devices/line-1"]
    assert fields["se"] == ["1700000000"]
    text = b"localhost%3A18443%2Fdevices%2Fline-1\n1700000000"
    assert base64.b64decode(fields["sig"][0]) == hmac.new(b"group", text, hashlib.sha256).digest()


def test_a_module_reaches_the_hub_through_the_gateway() -> None:
    text = module_connection_string("localhost:18443", "127.0.0.2", "line-1", "scorer", "a2V5")
    assert text == (
        "HostName=localhost:18443;DeviceId=line-1;ModuleId=scorer;"
        "SharedAccessKey=a2V5;GatewayHostName=127.0.0.2"
    )
