"""Who may do what: SAS tokens of the service policy, of devices and of modules."""

from collections.abc import Sequence

from edge.local_hub.errors import unauthorized
from edge.local_hub.identities import Identities
from edge.local_hub.sas import is_valid, parse_token
from edge.local_hub.state import State

OWNER = "iothubowner"


class Access:
    """Checks tokens. Every refusal is the same 401 and takes the same path, whatever was wrong."""

    def __init__(self, state: State, identities: Identities, owner_key: str) -> None:
        self._state = state
        self._identities = identities
        self._owner_key = owner_key

    def require_service(self, token: str, path: str) -> None:
        """Raises HubError 401 unless `token` is the owner policy's and covers `path`."""
        if not self._check(token, path, [self._owner_key], OWNER):
            raise unauthorized()

    def require_service_or_device(self, token: str, path: str, device: str) -> None:
        """Like `require_service`, but the device's own key is good too (for its own modules)."""
        if not self._check(token, path, [self._owner_key], OWNER) and not self._check(
            token, path, self._keys(device, ""), ""
        ):
            raise unauthorized()

    def expiry_of_client(self, token: str, device: str, module: str) -> int | None:
        """When the token of a connecting client ends (seconds since 1970); None if not valid."""
        path = f"devices/{device}/modules/{module}" if module else f"devices/{device}"
        parsed = parse_token(token)
        if parsed is None or not self._check(token, path, self._keys(device, module), ""):
            return None
        return parsed.expiry

    def _keys(self, device: str, module: str) -> list[str]:
        """The keys of an enabled identity; none otherwise."""
        owner, identity = self._identities.find(device), self._identities.find(device, module)
        if owner is None or identity is None or owner["status"] != "enabled":
            return []
        return [identity["primaryKey"], identity["secondaryKey"]]

    def _check(self, text: str, path: str, keys: Sequence[str], policy: str) -> bool:
        token = parse_token(text)
        if token is None or token.policy != policy:
            return False
        resource = f"{self._state.host}/{path.strip('/')}"
        return is_valid(token, keys=keys, resource=resource, now=self._state.clock().timestamp())
