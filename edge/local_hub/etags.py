"""Entity tags: the If-Match header must name the current version, in quotes, or be `*`."""

import base64

from edge.local_hub.errors import precondition_failed


def check_if_match(header: str, current: str) -> None:
    """Raises HubError 412 unless `header` is `*` or the quoted etag `current`.

    An unquoted etag is refused, as the real hub does: the SDK's `update_configuration` sends what
    it is given, so callers must quote.
    """
    given = header.removeprefix("W/")
    if given in ("*", '"*"'):  # the SDK quotes the star as well
        return
    if len(given) < 2 or given[0] != '"' or given[-1] != '"':
        raise precondition_failed("the If-Match header is not a quoted etag")
    if given[1:-1] != current:
        raise precondition_failed("the etag is not that of the current version")


def version_etag(version: int) -> str:
    """The etag of a twin or a configuration: its version as eight bytes, base64."""
    return base64.b64encode(version.to_bytes(8, "big")).decode()
