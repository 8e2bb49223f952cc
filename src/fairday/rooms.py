"""Every room that declares tables, imported so that ``metadata`` is whole; for migrations, export and erasure."""

from fairday import shop
from fairday.reach import outbox
from fairday.storage import followers, ledger, log, runner
from fairday.storage.database import metadata

__all__ = ["followers", "ledger", "log", "metadata", "outbox", "runner", "shop"]
