-- name: take
-- Gives a lease to a holder for some seconds; no row while another holds it. Taking it again renews it. The times are
-- the database's, because the clocks of servers differ.
INSERT INTO leases (name, holder, until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET holder = $2, until = clock_timestamp() + make_interval(secs => $3)
WHERE leases.holder = $2 OR leases.until < clock_timestamp()
RETURNING name;

-- name: end
-- Keeps a lease from everybody for some seconds more, its holder included, until the next run of its job is due.
UPDATE leases SET holder = gen_random_uuid(), until = clock_timestamp() + make_interval(secs => $3)
WHERE name = $1 AND holder = $2;
