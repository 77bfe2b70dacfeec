-- How many different patients each user saw on a day (UTC). Each bit stands for about every 8192th patient, by a hash of the
-- id, so many sightings of the same patients count once, and workers can join what they have counted. Rows are dropped
-- after 30 days.
CREATE TABLE shown_volumes (
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  day date NOT NULL,
  patients bit(8192) NOT NULL,
  reported_at timestamptz,
  PRIMARY KEY (org_id, user_id, day)
);
ALTER TABLE shown_volumes ENABLE ROW LEVEL SECURITY;
ALTER TABLE shown_volumes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON shown_volumes USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON shown_volumes TO chairside_app;
