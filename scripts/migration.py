"""Write the migration that brings the last one to the declared tables: python scripts/migration.py "what changed".

Before the first release there is one migration, written anew: python scripts/migration.py --ground
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from fairday.rooms import metadata
from fairday.storage.database import Database

root = Path(__file__).parents[1] / "src" / "fairday" / "migrations"
ground = "--ground" in sys.argv
if ground:
    for old in (root / "versions").glob("*.py"):
        old.unlink()
with tempfile.TemporaryDirectory() as folder:
    db = Database(str(Path(folder) / "scratch.db"))
    with db.write() as conn:
        config = Config()
        config.set_main_option("script_location", str(root))
        config.attributes["connection"] = conn
        if not ground:
            command.upgrade(config, "head")
        number = f"{len(list((root / 'versions').glob('*.py'))) + 1:04d}"
        command.revision(config, "ground" if ground else sys.argv[1], autogenerate=True, rev_id=number)
    db.close()
    # What a key includes on PostgreSQL is not rendered by Alembic.
    (written,) = (root / "versions").glob(f"{number}_*.py")
    source = written.read_text(encoding="utf-8")
    for table in metadata.tables.values():
        included = table.primary_key.dialect_options["postgresql"]["include"]
        if included:
            key = f"sa.PrimaryKeyConstraint({', '.join(repr(c.name) for c in table.primary_key)}"
            source = source.replace(f"{key})", f"{key}, postgresql_include={list(included)!r})")
    written.write_text(source, encoding="utf-8")
