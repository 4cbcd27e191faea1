"""The batches for the hub, out of the database."""

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from edge.modules.hub_client import OutgoingMessage
from edge.webapp.corrections import to_messages
from edge.webapp.register.batches import make_batch, records_of
from edge.webapp.register.models import Batch


class DatabaseOutbox:
    """Batches that a crash left unsent go first, then one of all that is new."""

    def next_batch(self) -> tuple[str, list[OutgoingMessage]] | None:
        """The oldest unsent batch as messages."""
        close_old_connections()
        try:
            unsent = Batch.objects.filter(way=Batch.HUB, sent_at=None).order_by("made_at", "id")
            batch = unsent.first() or make_batch(Batch.HUB)
            if batch is None:
                return None
            messages = to_messages(batch.name, records_of(batch), settings.CONFIG.contract)
            return batch.name, messages
        finally:
            connection.close()

    def sent(self, name: str) -> None:
        """Remembers that the hub has the batch."""
        close_old_connections()
        try:
            Batch.objects.filter(name=name).update(sent_at=timezone.now())
        finally:
            connection.close()
