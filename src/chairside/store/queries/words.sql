-- name: first
-- Search words of new patients: scope 0 names, 1 the rest, 2 all words of archived patients; those of scope 0 each
-- beside another, with the name that sorts. In JSON, for that is cheaper to write than arrays: for each patient and
-- scope an object with the words.
INSERT INTO patient_words (org_id, scope, word, beside, patient_id, name)
SELECT o.id, u.scope, w.word, w.beside, u.patient_id, u.name
FROM orgs o
  CROSS JOIN json_to_recordset($2::json) AS u (scope smallint, words text[], besides text[], patient_id uuid, name text)
  CROSS JOIN unnest(u.words, u.besides) AS w (word, beside)
WHERE o.id = $1;

-- name: add
-- More of them for patients who have some. What is there already, because words were once made by other rules, gets
-- the name that sorts now; to look for that costs half again as much as to write.
INSERT INTO patient_words (org_id, scope, word, beside, patient_id, name)
SELECT o.id, u.scope, w.word, w.beside, u.patient_id, u.name
FROM orgs o
  CROSS JOIN json_to_recordset($2::json) AS u (scope smallint, words text[], besides text[], patient_id uuid, name text)
  CROSS JOIN unnest(u.words, u.besides) AS w (word, beside)
WHERE o.id = $1
ON CONFLICT (org_id, scope, word, beside, patient_id) DO UPDATE SET name = excluded.name;

-- name: remove
-- Words that no longer lead to their patient, in the same form.
DELETE FROM patient_words w
USING json_to_recordset($2::json) AS u (scope smallint, words text[], besides text[], patient_id uuid)
  CROSS JOIN unnest(u.words, u.besides) AS t (word, beside)
WHERE w.org_id = $1 AND w.scope = u.scope AND w.word = t.word AND w.beside = t.beside AND w.patient_id = u.patient_id;
