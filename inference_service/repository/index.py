"""RepositoryIndex: which models there are, and which of them are served."""

from collections.abc import Sequence

from inference_service.repository.states import ModelState, ServedModel
from protos import inference_pb2 as pb


def repository_index(
    states: Sequence[ModelState], ready: bool = False
) -> pb.RepositoryIndexResponse:
    """Every model and version with its state; with `ready` only those that are served."""
    answer = pb.RepositoryIndexResponse()
    for state in states:
        if isinstance(state, ServedModel):
            reason = state.swap_refused and f"not swapped: {state.swap_refused}"
            answer.models.add(name=state.name, version=state.version, state="READY", reason=reason)
        elif not ready:
            answer.models.add(
                name=state.name, version=state.version, state="UNAVAILABLE", reason=state.reason
            )
    return answer
