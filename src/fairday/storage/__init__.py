"""SQLite or PostgreSQL behind SQLAlchemy Core: the log, the streams runner, followers, deadlines, the ledger."""
