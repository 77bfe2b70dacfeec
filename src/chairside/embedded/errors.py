"""The one way the embedded database says that something is wrong."""


class EmbeddedError(Exception):
    """One clear sentence for a person; never holds patient data."""


class ChangedError(EmbeddedError):
    """The files beside the database changed while it was read, so the two may not fit together."""
