-- Background jobs that one worker at a time runs for all orgs. A lease belongs to no org; only the owner uses it.
CREATE TABLE leases (
  name text PRIMARY KEY,
  holder uuid NOT NULL,
  until timestamptz NOT NULL
);
