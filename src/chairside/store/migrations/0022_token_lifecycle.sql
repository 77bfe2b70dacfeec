-- A token ends after so many days without use, may be bound to networks, and a user can be suspended with all tokens.
-- Tokens made before keep what they were made with: no limit of idle days, any network.
ALTER TABLE tokens ADD COLUMN idle_days integer;
ALTER TABLE tokens ADD COLUMN networks cidr[];
ALTER TABLE tokens ADD COLUMN reinstated_at timestamptz;
ALTER TABLE users ADD COLUMN suspended_at timestamptz;
