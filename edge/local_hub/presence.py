"""Who is connected, and since when; and when each client was last heard of."""

from edge.local_hub.state import State


class Presence:
    """Connection states. Connects and disconnects are stored, activity in between is in memory.

    At start nobody is connected, whatever the file says after a crash.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        documents = state.documents
        for device in documents.owners("presence"):
            for module in documents.names("presence", device):
                stored = documents.get("presence", device, module)
                if stored is not None and stored["connected"]:
                    documents.put("presence", device, module, {**stored, "connected": False})

    def connected(self, device: str, module: str) -> None:
        """The client is there."""
        self._store(device, module, connected=True)

    def disconnected(self, device: str, module: str) -> None:
        """The client is gone."""
        self._store(device, module, connected=False)

    def active(self, device: str, module: str) -> None:
        """The client was heard of."""
        stored = self._state.documents.get("presence", device, module)
        if stored is not None:
            changed = {**stored, "activity": self._state.now()}
            self._state.documents.remember("presence", device, module, changed)

    def _store(self, device: str, module: str, *, connected: bool) -> None:
        if self._state.documents.get("identity", device, module) is None:
            return
        now = self._state.now()
        body = {"connected": connected, "updated": now, "activity": now}
        self._state.documents.put("presence", device, module, body)
