"""Module keys over the hub's REST API, by the device's own key, as the identity service does."""

import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from edge.device.keys import sas_token
from protos.errors import NotFound, Unavailable

API_VERSION = "2021-04-12"
_TOKEN_SECONDS = 600
_ANSWER_LIMIT = 1 << 20


class Identities(Protocol):
    """Where the keys of a device's modules come from."""

    def module_key(self, module_id: str) -> str:
        """The key of a module, base64; the module is registered if it is not yet."""
        ...


class HubIdentities:
    """The identities of one device at a hub `host` (`name[:port]`)."""

    def __init__(
        self, host: str, device_id: str, key_b64: str, *, ca: Path | None, timeout: float = 10.0
    ) -> None:
        self._host, self._device, self._key = host, device_id, key_b64
        self._ca, self._timeout = ca, timeout
        self._keys: dict[str, str] = {}

    def module_key(self, module_id: str) -> str:
        """The key of a module. While the hub does not answer, the last known one serves.

        Raises Unavailable if the hub does not answer and no key is known, NotFound if the hub does
        not know the device or refuses it.
        """
        try:
            key = self._fetch(module_id)
        except Unavailable:
            if module_id not in self._keys:
                raise
            return self._keys[module_id]
        self._keys[module_id] = key
        return key

    def _fetch(self, module_id: str) -> str:
        status, answer = self._call("GET", module_id, None)
        if status == 404:
            identity = {"deviceId": self._device, "moduleId": module_id, "managedBy": "IotEdge"}
            status, answer = self._call("PUT", module_id, identity)
        if status >= 500 or status == 429:
            raise Unavailable(f"the hub answered {status} for module {module_id}")
        try:
            return str(answer["authentication"]["symmetricKey"]["primaryKey"])
        except (KeyError, TypeError):
            raise NotFound(
                f"the hub gives no key for module {module_id} of device {self._device}",
                why=f"it answered {status}",
                remedy="register the device, and check the group key of the fleet",
            ) from None

    def _call(self, method: str, module_id: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        path = f"/devices/{quote(self._device, safe='')}/modules/{quote(module_id, safe='$')}"
        resource = f"{self._host}/devices/{self._device}"
        headers = {
            "Authorization": sas_token(resource, self._key, int(time.time()) + _TOKEN_SECONDS),
            "Content-Type": "application/json",
        }
        context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        connection = http.client.HTTPSConnection(self._host, timeout=self._timeout, context=context)
        try:
            payload = json.dumps(body).encode() if body is not None else None
            connection.request(method, f"{path}?api-version={API_VERSION}", payload, headers)
            response = connection.getresponse()
            text = response.read(_ANSWER_LIMIT)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the hub {self._host} does not answer", why=str(error)) from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, None
