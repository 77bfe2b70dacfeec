-- name: family
-- Everybody with the same guarantor, the guarantor first, then by date of birth; nothing for a patient not there.
SELECT f.id, f.first_name, f.last_name, f.preferred_name, f.date_of_birth, f.status,
  f.id = f.responsible_party_id AS is_guarantor
FROM patients p JOIN patients f ON f.org_id = $1 AND f.responsible_party_id = p.responsible_party_id
WHERE p.org_id = $1 AND p.id = $2 AND p.deleted_at IS NULL AND f.deleted_at IS NULL
ORDER BY f.id <> f.responsible_party_id, f.date_of_birth NULLS LAST, f.id;

-- name: juniors
-- Everybody below a patient in one relation, the patient included: the patients whom relationships of types $3 point at,
-- those from whom types $4 point back, and with $5 those they guard. The relationship $6 is left out.
WITH RECURSIVE below AS (
  SELECT $2::uuid AS id
  UNION
  SELECT n.id FROM below b CROSS JOIN LATERAL (
    SELECT r.to_patient_id AS id FROM patient_relationships r
    WHERE r.org_id = $1 AND r.patient_id = b.id AND r.deleted_at IS NULL AND r.id <> $6
      AND (r.relationship_type = ANY($3::text[]) OR $5 AND r.is_guardian)
    UNION ALL
    SELECT r.patient_id FROM patient_relationships r
    WHERE r.org_id = $1 AND r.to_patient_id = b.id AND r.deleted_at IS NULL AND r.id <> $6
      AND r.relationship_type = ANY($4::text[])) n
)
SELECT id FROM below LIMIT 1000;

-- name: definitions
-- Field definitions that are not archived, for values to be checked by; they stay as they are until that is done.
SELECT id, field_type, dropdown_options, is_required FROM field_definitions
WHERE org_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL ORDER BY id FOR SHARE;

-- name: hold_definition
-- Nobody sets values by a field definition while it changes.
SELECT id FROM field_definitions WHERE org_id = $1 AND id = $2 FOR UPDATE;

-- name: values
-- Values of a patient, cleared ones included, whose rows are used again.
SELECT id, field_definition_id FROM patient_field_values
WHERE org_id = $1 AND patient_id = $2 AND field_definition_id = ANY($3::uuid[]);

-- name: values_in_use
-- The different values that patients have of a field; one is enough to know that it is used.
SELECT DISTINCT value FROM patient_field_values
WHERE org_id = $1 AND field_definition_id = $2 AND deleted_at IS NULL;

-- name: form
-- Every active definition with the patient's value, in the order of the form.
SELECT d.id, d.name, d.description, d.field_type, d.dropdown_options, d.is_required, d.item_order, v.value,
  v.version + o.version_base AS version
FROM field_definitions d
  JOIN orgs o ON o.id = $1
  LEFT JOIN patient_field_values v ON v.org_id = $1 AND v.patient_id = $2 AND v.field_definition_id = d.id
    AND v.deleted_at IS NULL
WHERE d.org_id = $1 AND d.deleted_at IS NULL
ORDER BY d.item_order, d.name_key, d.id;
