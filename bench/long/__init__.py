"""The long bench: every operation at several numbers of connections, and how each grows with the org."""
