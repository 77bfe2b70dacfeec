"""The one way the embedded database says that something is wrong."""


class EmbeddedError(Exception):
    """One clear sentence for a person; never holds patient data."""
