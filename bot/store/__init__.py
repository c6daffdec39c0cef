"""Callboard's database.  The only package that knows SQL (SQLAlchemy Core, over SQLite or PostgreSQL)."""
