-- name: exists
-- Whether a patient is there and not archived.
SELECT id FROM patients WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL;

-- name: lock
-- Holds patients until the transaction ends, in one order so that two requests cannot wait for each other.
SELECT id, responsible_party_id, deleted_at FROM patients
WHERE org_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: dependents
-- The other patients, archived ones included, who name this one as guarantor.
SELECT id, deleted_at FROM patients
WHERE org_id = $1 AND responsible_party_id = $2 AND id <> $2 ORDER BY id LIMIT 200;

-- name: named_guarantors
-- Which of these patients others name as guarantor.
SELECT DISTINCT responsible_party_id FROM patients
WHERE org_id = $1 AND responsible_party_id = ANY($2::uuid[]) AND id <> responsible_party_id;

-- name: by_chart_number
-- Who has these chart numbers; with the archived, whose numbers stay taken, or without.
SELECT id, chart_number, first_name, last_name, middle_name, preferred_name, date_of_birth FROM patients
WHERE org_id = $1 AND chart_number = ANY($2::text[]) AND ($3 OR deleted_at IS NULL);

-- name: records
-- Whole records, for an import to put its values onto.
SELECT * FROM patients WHERE org_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL;

-- name: duplicates
-- For each probe (place) the patients it matches, with the signal (via) and the value that found each. Names are
-- compared coarsely and read at most 51 patients a probe, one more than is shown, equal names first; an address or a
-- telephone reads any 21 and no more, one more than may share it. Mobile telephones have an index, the others are search words.
SELECT q.place, 'name' AS via, '' AS value, p.id, p.first_name, p.last_name, p.middle_name, p.preferred_name, p.date_of_birth, p.status, p.mobile_phone,
  p.home_phone, p.work_phone, p.email, p.chart_number, p.first_name_key, p.last_name_key
FROM unnest($2::int[], $3::date[], $4::text[], $5::text[]) AS q (place, born, last, first)
  CROSS JOIN LATERAL (
    SELECT * FROM patients p
    WHERE p.org_id = $1 AND p.date_of_birth = q.born AND p.deleted_at IS NULL
      AND (strpos(p.last_name_key, q.last) > 0 OR strpos(q.last, p.last_name_key) > 0
        OR p.first_name_key = q.last OR p.last_name_key = q.first)
    ORDER BY p.last_name_key <> q.last, (p.first_name_key = q.first) IS NOT TRUE, p.id LIMIT 51) p
UNION ALL
SELECT q.place, 'email', q.email, p.id, p.first_name, p.last_name, p.middle_name, p.preferred_name, p.date_of_birth, p.status, p.mobile_phone,
  p.home_phone, p.work_phone, p.email, p.chart_number, p.first_name_key, p.last_name_key
FROM unnest($6::int[], $7::text[]) AS q (place, email)
  CROSS JOIN LATERAL (
    SELECT * FROM patients p
    WHERE p.org_id = $1 AND p.email_key = q.email AND p.deleted_at IS NULL LIMIT 21) p
UNION ALL
SELECT q.place, 'phone', q.number, p.id, p.first_name, p.last_name, p.middle_name, p.preferred_name, p.date_of_birth, p.status, p.mobile_phone,
  p.home_phone, p.work_phone, p.email, p.chart_number, p.first_name_key, p.last_name_key
FROM unnest($8::int[], $9::text[]) AS q (place, number)
  CROSS JOIN LATERAL (
    SELECT * FROM patients p
    WHERE p.org_id = $1 AND p.mobile_phone_e164 = q.number AND p.deleted_at IS NULL LIMIT 21) p
UNION ALL
SELECT q.place, 'phone', q.number, p.id, p.first_name, p.last_name, p.middle_name, p.preferred_name, p.date_of_birth, p.status, p.mobile_phone,
  p.home_phone, p.work_phone, p.email, p.chart_number, p.first_name_key, p.last_name_key
FROM unnest($8::int[], $9::text[]) AS q (place, number)
  CROSS JOIN LATERAL (
    SELECT w.patient_id FROM patient_words w
    WHERE w.org_id = $1 AND w.scope = 1 AND w.word = q.number LIMIT 21) w
  CROSS JOIN LATERAL (
    SELECT * FROM patients p WHERE p.org_id = $1 AND p.id = w.patient_id AND p.deleted_at IS NULL LIMIT 1) p
UNION ALL
SELECT q.place, 'ssn', '', p.id, p.first_name, p.last_name, p.middle_name, p.preferred_name, p.date_of_birth, p.status, p.mobile_phone,
  p.home_phone, p.work_phone, p.email, p.chart_number, p.first_name_key, p.last_name_key
FROM unnest($10::int[], $11::bytea[]) AS q (place, index)
  CROSS JOIN LATERAL (
    SELECT * FROM patients p
    WHERE p.org_id = $1 AND p.social_security_number_index = q.index AND p.deleted_at IS NULL
    ORDER BY p.id LIMIT 51) p;

-- name: namesakes
-- For each probe (place) the patients of this last name and birth date who have an SSN, with its blind index.
SELECT q.place, p.id, p.social_security_number_index AS index
FROM unnest($2::int[], $3::text[], $4::date[]) AS q (place, last, born)
  CROSS JOIN LATERAL (
    SELECT * FROM patients p
    WHERE p.org_id = $1 AND p.date_of_birth = q.born AND p.last_name_key = q.last AND p.deleted_at IS NULL
      AND p.social_security_number_index IS NOT NULL ORDER BY p.id LIMIT 51) p;

-- name: count_by_location
-- Patients per active location by name, and in one row without id those who have no active location.
SELECT l.id, l.name, sum(p.n)::bigint AS count
FROM (
  SELECT location_id, count(*) AS n FROM patients
  WHERE org_id = $1 AND status = ANY($2::text[])
    AND ($3::date IS NULL OR date_first_visit >= $3) AND ($4::date IS NULL OR date_first_visit < $4)
  GROUP BY location_id) p
  LEFT JOIN locations l ON l.org_id = $1 AND l.id = p.location_id AND l.is_active AND l.deleted_at IS NULL
GROUP BY l.id, l.name, l.name_key ORDER BY l.name_key, l.id;

-- name: counted_by_location
-- The same for patients of every first visit, from the summary.
SELECT l.id, l.name, sum(p.n)::bigint AS count
FROM patient_counts p
  LEFT JOIN locations l ON l.org_id = $1 AND l.id = p.location_id AND l.is_active AND l.deleted_at IS NULL
WHERE p.org_id = $1 AND p.status = ANY($2::text[])
GROUP BY l.id, l.name, l.name_key HAVING sum(p.n) > 0 ORDER BY l.name_key, l.id;

-- name: sealed_before
-- Patients whose sealed values were not made with this key yet, for a rotation to seal anew.
SELECT id, version, social_security_number_sealed FROM patients
WHERE org_id = $1 AND social_security_number_sealed IS NOT NULL
  AND substring(social_security_number_sealed FROM 1 FOR length($2::bytea)) <> $2::bytea
ORDER BY id LIMIT 500;

-- name: seal_again
-- The same value under a new key; not an edit, so the version stays. The revision moves, so that a write which read the
-- old cipher does not put it back.
UPDATE patients p SET social_security_number_sealed = u.sealed, social_security_number_index = u.index,
  revision = p.revision + 1
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) AS u (id, sealed, index, was)
WHERE p.org_id = $1 AND p.id = u.id AND p.social_security_number_sealed = u.was;
