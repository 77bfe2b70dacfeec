-- Keys and search words of patients are derived from their texts by the program, by rules that change now and then. An org
-- carries the number of the rules that its were derived by; 0 are those of the releases before. `chairside migrate` and
-- each start derive anew what is behind (chairside.store.rekeying).
ALTER TABLE orgs ADD COLUMN derivation integer NOT NULL DEFAULT 0, ADD COLUMN derived_at timestamptz;
