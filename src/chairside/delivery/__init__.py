"""What has happened goes out: the outbox becomes a feed."""
