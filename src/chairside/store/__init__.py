"""All SQL: connections, statements, migrations."""
