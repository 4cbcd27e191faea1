"""The hub itself, apart from any transport: state, services, and changes as transactions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from edge.local_hub.access import Access
from edge.local_hub.configurations import Configurations
from edge.local_hub.deployer import Deployer
from edge.local_hub.identities import Identities
from edge.local_hub.presence import Presence
from edge.local_hub.queries import Queries
from edge.local_hub.state import Event, State
from edge.local_hub.twin_registry import TwinRegistry


class Hub:
    """The services over one state. `on_event` is told of each event after its change is stored."""

    def __init__(self, state: State, owner_key: str) -> None:
        self.state = state
        self.identities = Identities(state)
        self.twins = TwinRegistry(state, self.identities)
        self.queries = Queries(state, self.identities, self.twins)
        self.configurations = Configurations(state, self.queries)
        self.deployer = Deployer(state, self.identities, self.twins)
        self.presence = Presence(state)
        self.access = Access(state, self.identities, owner_key)
        self.on_event: Callable[[Event], None] = lambda event: None

    @contextmanager
    def change(self, *, evaluate: Sequence[str] | None = ()) -> Iterator[None]:
        """A change as one transaction: all of it is stored, or nothing.

        The deployments of the devices in `evaluate` (None: all devices) are merged anew before it
        ends, so that a change of configurations, devices or tags takes effect at once.
        """
        self.state.events.clear()
        with self.state.documents.transaction():
            yield
            if evaluate is None or evaluate:
                self.deployer.evaluate(evaluate)
        events = list(self.state.events)
        self.state.events.clear()
        for event in events:
            self.on_event(event)
