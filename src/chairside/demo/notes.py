"""What demo charts say in words, and the fields where an age or a note decides."""

from .dice import Dice
from .households import Member

# (note, needs antibiotic cover before treatment). Cover for heart valves and past endocarditis follows the
# American Heart Association's 2021 statement; joint replacements alone do not need it (American Dental
# Association, 2015).
_URGENT: tuple[tuple[str, bool], ...] = (
    ("Penicillin: anaphylaxis. Use an alternative.", False),
    ("Latex allergy. Latex-free setup.", False),
    ("Takes warfarin; INR on the day of any extraction.", False),
    ("Takes apixaban. Ask the cardiologist before surgery.", False),
    ("Prosthetic heart valve. Antibiotic cover before invasive treatment.", True),
    ("Past infective endocarditis. Antibiotic cover before invasive treatment.", True),
    ("Insulin-dependent diabetes. Morning visits, breakfast first.", False),
    ("Epilepsy, last seizure this spring.", False),
    ("Severe asthma; brings own inhaler.", False),
    ("Pacemaker. No magnetostrictive ultrasonic scaler.", False),
    ("IV bisphosphonate. No extractions without a call to oncology.", False),
    ("Faints with needles. Recline before the injection.", False),
)
_URGENT_YOUNG = tuple(note for note in _URGENT if note[0].startswith(("Latex", "Penic", "Severe", "Faints", "Epil")))
# Each table by age: children, adults under 50, the older.
_SUMMARIES = (
    (
        "No conditions reported.",
        "Seasonal allergies only.",
        "Asthma, uses a spacer.",
        "ADHD, on methylphenidate.",
    ),
    ("No conditions reported.", "Seasonal allergies only.", "Hypothyroidism, on levothyroxine.", "Migraine."),
    (
        "Hypertension, controlled.",
        "Type 2 diabetes, last HbA1c 7.1.",
        "Sleep apnea, uses CPAP.",
        "Osteoarthritis of both knees; prefers short visits.",
        "GERD. Erosion noted on upper incisors.",
    ),
)
_TREATMENT = (
    (
        "Sealants on first molars still intact.",
        "Thumb habit until last year; watch the open bite.",
        "Fluoride varnish at every recall.",
        "Anxious; nitrous helps. Likes to hold the mirror.",
    ),
    (
        "Wears a night guard. Check the fit.",
        "Wants whitening before the wedding.",
        "Interested in aligners. Estimate given.",
        "Watch #3 MO; radiograph at next recall.",
    ),
    (
        "Crown #19 seated; margins fine.",
        "Perio maintenance every 3 months.",
        "Lower partial loose; reline discussed.",
        "Dry mouth from medication. Prescription fluoride paste.",
    ),
)
_APPOINTMENT = (
    ("Siblings back to back, please.", "School: not before 3:30 pm.", "A parent stays in the room."),
    ("Mornings only.", "Often 10 minutes late; book a buffer.", "Works nights; afternoons."),
    ("Call the daughter to confirm.", "Needs the ground-floor room.", "Comes by van; never before 10."),
)
_ADDRESS = ("Gate code at the office.", "Mail goes to the PO box.", "Winter address from November on.")


def add(dice: Dice, fields: dict[str, object], member: Member) -> None:
    """Adds the medical and office notes a chart has, by their contract names."""
    years = member.years
    band = 0 if years < 18 else 1 if years < 50 else 2
    if dice.chance(0.03 if years < 18 else 0.05 if years < 55 else 0.13):
        note, cover = dice.pick(_URGENT_YOUNG if years < 18 else _URGENT)
        fields["medical_urgent_note"] = note
        fields["allergy_review_status"] = "reviewed"
        if cover:
            fields["premedication_required"] = True
    elif dice.chance(0.7):
        fields["allergy_review_status"] = "nkda" if dice.chance(0.6) else "reviewed"
    if dice.chance(0.1 + band / 10):
        fields["medical_summary"] = dice.pick(_SUMMARIES[band])
    roll = dice.draw()
    if roll < 0.10:
        fields["treatment_notes"] = dice.pick(_TREATMENT[band])
    elif roll < 0.17:
        fields["appointment_module_note"] = dice.pick(_APPOINTMENT[band])
    elif roll < 0.19:
        fields["address_note"] = dice.pick(_ADDRESS)
    elif roll < 0.27:
        fields["ask_to_arrive_early_mins"] = dice.pick((5, 10, 10, 15, 15, 20, 30))
