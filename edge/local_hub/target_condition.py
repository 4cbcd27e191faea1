"""Target conditions: which devices a configuration is meant for.

A condition is a boolean expression over `tags.*` and `deviceId`; `*` means every device, an empty
condition none. Only IoT Edge devices are ever selected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from edge.local_hub.expressions import ExpressionError, Node, paths, selects
from edge.local_hub.parsing import Parser
from edge.local_hub.values import Json


@dataclass(frozen=True)
class TargetCondition:
    """A parsed condition; `node` is None where it selects all (`everything`) or no device."""

    everything: bool
    node: Node | None

    def matches(self, device_twin: Mapping[str, Json]) -> bool:
        """Whether the device with this twin document is targeted."""
        if device_twin.get("capabilities", {}).get("iotEdge") is not True:
            return False
        return self.everything or (self.node is not None and selects(self.node, device_twin))


@lru_cache(maxsize=1024)
def parse_target_condition(text: str, max_depth: int = 64) -> TargetCondition:
    """Parses a condition.

    Raises ExpressionError if it is not one, or if it reads anything but tags and deviceId.
    """
    if text.strip() in ("", "*"):
        return TargetCondition(everything=text.strip() == "*", node=None)
    parser = Parser(text, max_depth)
    node = parser.parse_condition()
    parser.expect_end()
    for path in paths(node):
        if path != ("deviceId",) and (path[0] != "tags" or len(path) == 1):
            raise ExpressionError(
                f"a target condition may use tags and deviceId only, not {'.'.join(path)}"
            )
    return TargetCondition(everything=False, node=node)
