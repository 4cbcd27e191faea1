"""Queries over the twins of the hub, page by page."""

import base64
import binascii
import json
from collections.abc import Iterator

from edge.local_hub.errors import bad_argument
from edge.local_hub.expressions import ExpressionError
from edge.local_hub.identities import Identities
from edge.local_hub.merge import AGENT
from edge.local_hub.query import parse_query, run
from edge.local_hub.state import State
from edge.local_hub.twin_registry import TwinRegistry
from edge.local_hub.values import Doc
from protos.digests import digest_bytes


class Queries:
    """Runs queries over twin views. A page is cut from the result as it is at that moment."""

    def __init__(self, state: State, identities: Identities, twins: TwinRegistry) -> None:
        self._state = state
        self._identities = identities
        self._twins = twins

    def page(self, text: str, continuation: str, size: int) -> tuple[list[Doc], str, str]:
        """(items, continuation token or "", item type) of one page; HubError 400 for a bad query.

        The token belongs to its query: with another one it is refused.
        """
        if len(text) > self._state.limits.query_characters:
            raise bad_argument(
                f"a query has at most {self._state.limits.query_characters} characters"
            )
        try:
            query = parse_query(text, self._state.limits.expression_depth)
        except ExpressionError as error:
            raise bad_argument(f"the query is not valid: {error}") from error
        start = _read_token(continuation, text) if continuation else 0
        end = start + max(1, min(size, self._state.limits.page_items))
        items = run(query, self._rows(query.source))
        token = _make_token(end, text) if end < len(items) else ""
        return items[start:end], token, "Twin" if query.columns is None else "Raw"

    def count(self, text: str) -> int:
        """How many rows a (valid) query gives."""
        query = parse_query(text, self._state.limits.expression_depth)
        return len(run(query, self._rows(query.source)))

    def agents(self) -> Iterator[Doc]:
        """The twin view of every `$edgeAgent`."""
        for device in self._identities.devices():
            if self._identities.find(device, AGENT) is not None:
                yield self._twins.view(device, AGENT)

    def _rows(self, source: str) -> Iterator[Doc]:
        for device in self._identities.devices():
            if source == "devices":
                yield self._twins.view(device)
            else:
                for module in self._identities.modules(device):
                    yield self._twins.view(device, module)


def _make_token(position: int, text: str) -> str:
    raw = json.dumps([position, digest_bytes(text.encode())])
    return base64.b64encode(raw.encode()).decode()


def _read_token(token: str, text: str) -> int:
    try:
        position, digest = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise bad_argument("the continuation token is not valid") from None
    if not isinstance(position, int) or position < 0 or digest != digest_bytes(text.encode()):
        raise bad_argument("the continuation token belongs to another query")
    return position
