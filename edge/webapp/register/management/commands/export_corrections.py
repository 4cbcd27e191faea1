"""`export_corrections`: new corrections as a CSV batch in a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from edge.webapp.register.batches import deliver, make_batch
from edge.webapp.register.models import Batch
from protos.errors import ConfigurationError, NotFound


class Command(BaseCommand):
    """Each correction leaves in one batch; a batch can be written again by its name."""

    help = "Writes the corrections that are in no batch yet as one CSV batch, and tells its path."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and which."""
        parser.add_argument("--to", type=Path, default=Path())
        parser.add_argument("--batch")

    def handle(self, *args: Any, to: Path, batch: str | None, **options: Any) -> None:
        """Writes the file. Raises ConfigurationError, NotFound."""
        if not to.is_dir():
            raise ConfigurationError(f"{to} is no folder", remedy="make it, or name another one")
        found = Batch.objects.filter(name=batch).first() if batch else make_batch(Batch.FILE)
        if found is None and batch:
            raise NotFound(f"there is no batch {batch!r}", remedy="look at the page Corrections")
        if found is None:
            self.stderr.write("there is no new correction")
            return
        self.stdout.write(str(deliver(found, to)))
