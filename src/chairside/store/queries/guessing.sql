-- name: hold
-- One request of a user at a time is charged for its guesses.
SELECT id FROM users WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: kept
-- The wrong guesses of a user since a time.
SELECT patient_id, guess, at FROM wrong_guesses WHERE org_id = $1 AND user_id = $2 AND at > $3;

-- name: keep
-- Adds wrong guesses of a user ($3 patients, $4 marks), and drops those of the user that count no more.
WITH dropped AS (
  DELETE FROM wrong_guesses WHERE org_id = $1 AND user_id = $2 AND at <= $6
)
INSERT INTO wrong_guesses (org_id, user_id, patient_id, guess, at)
SELECT o.id, $2, g.patient_id, g.guess, $5
FROM orgs o CROSS JOIN unnest($3::uuid[], $4::bytea[]) AS g (patient_id, guess) WHERE o.id = $1
ON CONFLICT (org_id, user_id, patient_id, guess) DO NOTHING;

-- name: forget
-- Drops guesses of any user of the org from before a time, about a thousand of them.
DELETE FROM wrong_guesses WHERE org_id = $1 AND at <= $2 AND (user_id, patient_id, guess) IN (
  SELECT user_id, patient_id, guess FROM wrong_guesses WHERE org_id = $1 AND at <= $2 LIMIT 1000);
