-- name: add
-- Search words of patients: scope 0 names, 1 the rest, 2 all words of archived patients.
INSERT INTO patient_words (org_id, scope, word, patient_id)
SELECT o.id, u.* FROM orgs o CROSS JOIN unnest($2::smallint[], $3::text[], $4::uuid[]) AS u (scope, word, patient_id)
WHERE o.id = $1
ON CONFLICT DO NOTHING;

-- name: remove
-- Words that no longer lead to their patient.
DELETE FROM patient_words w USING unnest($2::smallint[], $3::text[], $4::uuid[]) AS u (scope, word, patient_id)
WHERE w.org_id = $1 AND w.scope = u.scope AND w.word = u.word AND w.patient_id = u.patient_id;
