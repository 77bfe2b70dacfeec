"""How anything happens to a record, once for every kind."""
