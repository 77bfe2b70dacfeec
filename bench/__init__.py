"""Measures the server beside its limit: pgbench running the very same statements on the same database."""
