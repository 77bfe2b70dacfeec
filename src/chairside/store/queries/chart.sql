-- name: alert_defaults
-- What a new alert takes from its definition.
SELECT default_scope, default_is_urgent FROM alert_definitions WHERE org_id = $1 AND id = $2;

-- name: allergen
-- What an allergy is to, as the checker takes it.
SELECT name, rx_cui, allergen_class FROM allergy_definitions WHERE org_id = $1 AND id = $2;

-- name: drug
-- What a medication is, as the checker takes it.
SELECT name, generic_name, rx_cui, drug_class FROM medication_definitions WHERE org_id = $1 AND id = $2;

-- name: active_medications
-- What a patient takes, as the checker takes it.
SELECT m.id, coalesce(d.name, m.med_descript) AS name, m.med_descript, d.generic_name,
  coalesce(m.rx_cui, d.rx_cui) AS rx_cui, d.drug_class
FROM patient_medications m
  LEFT JOIN medication_definitions d ON d.org_id = m.org_id AND d.id = m.medication_definition_id
WHERE m.org_id = $1 AND m.patient_id = $2 AND m.status = 'active' AND m.deleted_at IS NULL
ORDER BY m.created_at, m.id;

-- name: active_allergies
-- What a patient is allergic to, as the checker takes it.
SELECT a.id, d.name, d.rx_cui, d.allergen_class, a.severity
FROM patient_allergies a
  JOIN allergy_definitions d ON d.org_id = a.org_id AND d.id = a.allergy_definition_id
WHERE a.org_id = $1 AND a.patient_id = $2 AND a.status_is_active AND a.deleted_at IS NULL
ORDER BY a.created_at, a.id;

-- name: allergic
-- Which of these patients have an active allergy.
SELECT DISTINCT patient_id FROM patient_allergies
WHERE org_id = $1 AND patient_id = ANY($2::uuid[]) AND status_is_active AND deleted_at IS NULL;

-- name: newest_vitals_day
-- The day of the newest reading.
SELECT max(date_taken) AS day FROM patient_vital_signs
WHERE org_id = $1 AND patient_id = $2 AND deleted_at IS NULL;

-- name: summary_head
-- What the medical summary says of the patient.
SELECT first_name || ' ' || last_name AS name, medical_urgent_note, premedication_required, allergy_review_status
FROM patients WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL;
