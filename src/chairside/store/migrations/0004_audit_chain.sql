-- The trail is sealed: each record bears a MAC made outside the database, and links chain the records of an org.
-- Records from before have no MAC; the first link of their org seals them as they are found.
ALTER TABLE audit_events ADD COLUMN mac bytea;

-- ats, ids and macs (16 bytes each) are the sealed records in order; until is the latest of ats, by which a link is
-- found again. Every record earlier than complete_to was sealed when the link was made.
CREATE TABLE audit_links (
  org_id uuid NOT NULL,
  number bigint NOT NULL,
  previous bytea NOT NULL,
  sealed_at timestamptz NOT NULL,
  complete_to timestamptz NOT NULL,
  until timestamptz NOT NULL,
  ats timestamptz[] NOT NULL,
  ids uuid[] NOT NULL,
  macs bytea NOT NULL,
  hash bytea NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (org_id, number)
);
CREATE INDEX audit_links_until ON audit_links (org_id, until);
ALTER TABLE audit_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_links FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_links USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
-- Append-only for the server, like the trail itself.
GRANT SELECT, INSERT ON audit_links TO chairside_app;
