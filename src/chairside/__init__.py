"""Chairside: a self-hosted, multi-tenant patient-record server for dental practices."""

__version__ = "0.1.0"
