"""Clinical facts as data files, and pure functions over them."""
