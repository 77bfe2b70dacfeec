-- name: first
-- Search words of new patients: scope 0 names, 1 the rest, 2 all words of archived patients. In JSON, for that is cheaper
-- to write than arrays: for each patient and scope an object with the words.
INSERT INTO patient_words (org_id, scope, word, patient_id)
SELECT o.id, u.scope, w.word, u.patient_id
FROM orgs o CROSS JOIN json_to_recordset($2::json) AS u (scope smallint, words text[], patient_id uuid)
  CROSS JOIN unnest(u.words) AS w (word)
WHERE o.id = $1;

-- name: add
-- More of them for patients who have some. What is there already, because words were once made by other rules, stays;
-- to look for that costs half again as much as to write.
INSERT INTO patient_words (org_id, scope, word, patient_id)
SELECT o.id, u.scope, w.word, u.patient_id
FROM orgs o CROSS JOIN json_to_recordset($2::json) AS u (scope smallint, words text[], patient_id uuid)
  CROSS JOIN unnest(u.words) AS w (word)
WHERE o.id = $1
ON CONFLICT DO NOTHING;

-- name: remove
-- Words that no longer lead to their patient, in the same form.
DELETE FROM patient_words w
USING json_to_recordset($2::json) AS u (scope smallint, words text[], patient_id uuid) CROSS JOIN unnest(u.words) AS t (word)
WHERE w.org_id = $1 AND w.scope = u.scope AND w.word = t.word AND w.patient_id = u.patient_id;
