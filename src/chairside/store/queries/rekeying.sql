-- name: mark
-- The derivation that an org's keys and words are of, and since when.
SELECT derivation, derived_at FROM orgs WHERE id = $1;

-- name: hold
-- Keeps writers out, so that no record is written by keys read before.
LOCK TABLE patients, patient_words IN SHARE ROW EXCLUSIVE MODE;

-- name: begin
CREATE TEMPORARY TABLE expected_words (
  scope smallint, word text COLLATE "C", beside text COLLATE "C", patient_id uuid, name text COLLATE "C"
) ON COMMIT DROP;

-- name: expect
-- The words that patients should have, in the form of words.first.
INSERT INTO expected_words (scope, word, beside, patient_id, name)
SELECT u.scope, w.word, w.beside, u.patient_id, u.name
FROM json_to_recordset($1::json) AS u (scope smallint, words text[], besides text[], patient_id uuid, name text)
  CROSS JOIN unnest(u.words, u.besides) AS w (word, beside);

-- name: analyze
ANALYZE expected_words;

-- name: remove
-- Words that lead to a patient no longer.
DELETE FROM patient_words w WHERE w.org_id = $1 AND NOT EXISTS (
  SELECT FROM expected_words e
  WHERE e.scope = w.scope AND e.word = w.word AND e.beside = w.beside AND e.patient_id = w.patient_id);

-- name: rename
-- Words whose patient sorts by another name.
UPDATE patient_words w SET name = e.name FROM expected_words e
WHERE w.org_id = $1 AND e.scope = w.scope AND e.word = w.word AND e.beside = w.beside AND e.patient_id = w.patient_id
  AND e.name <> w.name;

-- name: add
-- Words that were missing.
INSERT INTO patient_words (org_id, scope, word, beside, patient_id, name)
SELECT $1::uuid, e.scope, e.word, e.beside, e.patient_id, e.name FROM expected_words e
WHERE NOT EXISTS (
  SELECT FROM patient_words w WHERE w.org_id = $1
    AND e.scope = w.scope AND e.word = w.word AND e.beside = w.beside AND e.patient_id = w.patient_id);

-- name: missing
-- Whether a patient lacks one of these words, in the form of words.first.
SELECT EXISTS (
  SELECT FROM json_to_recordset($2::json)
      AS u (scope smallint, words text[], besides text[], patient_id uuid, name text)
    CROSS JOIN unnest(u.words, u.besides) AS e (word, beside)
  WHERE NOT EXISTS (
    SELECT FROM patient_words w WHERE w.org_id = $1
      AND w.scope = u.scope AND w.word = e.word AND w.beside = e.beside AND w.patient_id = u.patient_id));

-- name: done
-- Marks an org's keys and words as of a derivation.
UPDATE orgs SET derivation = $2, derived_at = $3 WHERE id = $1;
