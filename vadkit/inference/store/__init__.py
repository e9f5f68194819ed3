"""The events of a folder in an SQLite file: its schema, reading and writing, and retention."""
