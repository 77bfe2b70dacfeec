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
-- What a patient takes on day $3, as the checker takes it.
SELECT m.id, coalesce(d.name, m.med_descript) AS name, m.med_descript, d.generic_name,
  coalesce(m.rx_cui, d.rx_cui) AS rx_cui, d.drug_class
FROM patient_medications m
  LEFT JOIN medication_definitions d ON d.org_id = m.org_id AND d.id = m.medication_definition_id
WHERE m.org_id = $1 AND m.patient_id = $2 AND m.status = 'active' AND m.deleted_at IS NULL
  AND (m.date_stop IS NULL OR m.date_stop >= $3)
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

-- name: tobacco
-- The code of the active tobacco entry of the social history.
SELECT snomed_code FROM patient_social_history
WHERE org_id = $1 AND patient_id = $2 AND category = 'tobacco' AND deleted_at IS NULL;

-- name: summary_head
-- The patient's part of the medical summary, and what readings are judged by.
SELECT p.first_name || ' ' || p.last_name AS name, p.medical_urgent_note, p.premedication_required,
  p.allergy_review_status, p.date_of_birth, p.gender, s.blocking_preset
FROM patients p LEFT JOIN org_settings s ON s.org_id = $1 AND s.id = $1
WHERE p.org_id = $1 AND p.id = $2 AND p.deleted_at IS NULL;

-- name: newest_of_each_vital
-- The newest reading of each vital sign. A reading without a time counts from the moment it was recorded, if that was
-- on its own day by the practice's clock, and else as older than those of its day that have a time. Beside it stand the
-- practice's day and the newest override of this value that has not ended, both at $3.
WITH place AS (
  SELECT coalesce(l.timezone, s.timezone) AS zone
  FROM org_settings s JOIN patients p ON p.org_id = $1 AND p.id = $2
    LEFT JOIN locations l ON l.org_id = $1 AND l.id = p.location_id
  WHERE s.org_id = $1 AND s.id = $1
)
SELECT n.vital, n.clock, r.id, r.date_taken, r.time_taken, r.bp_systolic, r.bp_diastolic, r.pulse, r.oxygen_saturation,
  r.respiration_rate, r.temperature_f, r.height_inches, r.weight_lbs, r.bmi, r.bmi_percentile,
  (r.date_taken + r.time_taken) AT TIME ZONE c.zone AS taken_at, ($3::timestamptz AT TIME ZONE c.zone)::date AS today,
  o.id AS override_id, o.reason, o.author_id, o.author_name, o.created_at AS overridden_at, o.ends_at
FROM (
  (SELECT 'bp_systolic' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.bp_systolic IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'bp_diastolic' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.bp_diastolic IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'pulse' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.pulse IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'oxygen_saturation' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.oxygen_saturation IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'respiration_rate' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.respiration_rate IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'temperature_f' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.temperature_f IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'height_inches' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.height_inches IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'weight_lbs' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.weight_lbs IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
  UNION ALL
  (SELECT 'bmi' AS vital, r.id, coalesce(r.time_taken,
      CASE WHEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::date = r.date_taken
        THEN (r.created_at AT TIME ZONE (SELECT zone FROM place))::time END) AS clock
    FROM patient_vital_signs r
    WHERE r.org_id = $1 AND r.patient_id = $2 AND r.deleted_at IS NULL AND r.bmi IS NOT NULL
    ORDER BY r.date_taken DESC, clock DESC NULLS LAST, r.id DESC LIMIT 1)
) n JOIN patient_vital_signs r ON r.org_id = $1 AND r.id = n.id CROSS JOIN place c
  LEFT JOIN LATERAL (
    SELECT * FROM hold_overrides x
    WHERE x.org_id = $1 AND x.vital_signs_id = n.id AND x.ends_at > $3 AND x.deleted_at IS NULL
      AND to_jsonb(x) -> n.vital = to_jsonb(r) -> n.vital
    ORDER BY x.created_at DESC, x.id DESC LIMIT 1) o ON true;

-- name: end_of_day
-- The first moment of the practice's next day after $3, where the patient is treated.
SELECT (($3::timestamptz AT TIME ZONE p.zone)::date + 1)::timestamp AT TIME ZONE p.zone AS at
FROM (
  SELECT coalesce(l.timezone, s.timezone) AS zone
  FROM org_settings s JOIN patients p ON p.org_id = $1 AND p.id = $2
    LEFT JOIN locations l ON l.org_id = $1 AND l.id = p.location_id
  WHERE s.org_id = $1 AND s.id = $1) p;
