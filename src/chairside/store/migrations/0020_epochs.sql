-- A restore starts a new epoch of each org: versions and feed numbers that callers see are these bases plus the stored
-- ones, and tokens made before wait until an administrator reinstates them.
ALTER TABLE orgs ADD COLUMN version_base bigint NOT NULL DEFAULT 0;
ALTER TABLE event_heads ADD COLUMN base bigint NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN suspended_at timestamptz;
