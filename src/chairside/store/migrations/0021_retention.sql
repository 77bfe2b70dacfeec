-- How long each org keeps events, and its audit trail at least.
ALTER TABLE orgs
  ADD COLUMN events_days integer NOT NULL DEFAULT 400 CHECK (events_days BETWEEN 30 AND 36500),
  ADD COLUMN audit_years integer NOT NULL DEFAULT 6 CHECK (audit_years BETWEEN 6 AND 100);

-- Events up to this number are no longer kept, so a reader who asks for older ones is told so.
ALTER TABLE event_heads ADD COLUMN dropped bigint NOT NULL DEFAULT 0;
