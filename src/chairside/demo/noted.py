"""The records behind the notes that demo patients have: a note never stands on a chart that knows nothing of it."""

from .stories import Allergy, Notice, Story, Taken, course

_COVER = course("Amoxicillin 2 g before the procedure", "2 g", "once, 30-60 minutes before")
_WARFARIN = Taken("Warfarin", "5 mg", "evenings, by INR")

# By the first words of the note.
URGENT = {
    "Penicillin": Story(
        allergies=(Allergy("Penicillin", "life_threatening", "Anaphylaxis; emergency room"),),
        alerts=(Notice("Severe allergy", "Penicillin: anaphylaxis."),),
    ),
    "Latex": Story(
        allergies=(Allergy("Latex", "severe", "Hives and wheezing from gloves"),),
        alerts=(Notice("Latex allergy", "First visit of the day."),),
    ),
    "Takes warfarin": Story(
        takes=(_WARFARIN,),
        has=("Atrial fibrillation", "Long-term use of anticoagulants"),
        alerts=(Notice("Takes an anticoagulant", "Warfarin; last INR in the letters."),),
    ),
    "Takes apixaban": Story(
        takes=(Taken("Apixaban", "5 mg", "twice daily"),),
        has=("Atrial fibrillation", "Long-term use of anticoagulants"),
        alerts=(Notice("Takes an anticoagulant", "Apixaban."),),
    ),
    "Prosthetic heart valve": Story(
        takes=(_COVER, _WARFARIN),
        has=("Prosthetic heart valve", "Long-term use of anticoagulants"),
        alerts=(
            Notice("Antibiotic prophylaxis needed", "Mechanical aortic valve."),
            Notice("Takes an anticoagulant", "Warfarin, target INR 2.5 to 3.5; do not stop it for cleanings."),
        ),
    ),
    "Past infective endocarditis": Story(
        takes=(_COVER,),
        has=("History of infective endocarditis",),
        alerts=(Notice("Antibiotic prophylaxis needed", "Past endocarditis."),),
    ),
    "Insulin-dependent": Story(
        takes=(Taken("Insulin glargine", "22 units", "at bedtime"), Taken("Insulin lispro", frequency="with meals")),
        has=("Type 1 diabetes mellitus",),
        alerts=(Notice("Medical alert", "Insulin: ask for the last meal and the last sugar."),),
    ),
    "Epilepsy": Story(
        takes=(Taken("Levetiracetam", "500 mg", "twice daily"),),
        has=("Epilepsy",),
        alerts=(Notice("Seizure history", "Last seizure this spring."),),
    ),
    "Severe asthma": Story(
        takes=(Taken("Albuterol inhaler", frequency="as needed"), Taken("Budesonide inhaler", frequency="twice daily")),
        has=("Asthma",),
        alerts=(Notice("Medical alert", "Severe asthma: inhaler on the tray."),),
    ),
    "Pacemaker": Story(
        takes=(Taken("Metoprolol", "50 mg", "once daily"),),
        has=("Cardiac pacemaker",),
        alerts=(Notice("Pacemaker or defibrillator", "Hand instruments or a piezo scaler."),),
    ),
    "IV bisphosphonate": Story(
        takes=(Taken("Zoledronic acid", "4 mg", "every 3 months"),),
        has=("Long-term use of bisphosphonates",),
        alerts=(
            Notice("Takes a bone-modifying drug", "Intravenous."),
            Notice("Needs medical clearance", "Oncology, before any extraction."),
        ),
    ),
    "Faints": Story(alerts=(Notice("Dental anxiety", "Faints with needles: recline first."),)),
}
SUMMARIES = {
    "No conditions": Story(),
    "Seasonal allergies": Story(takes=(Taken("Cetirizine", "10 mg", "once daily"),), has=("Allergic rhinitis",)),
    "Asthma": Story(takes=(Taken("Albuterol inhaler", frequency="as needed"),), has=("Asthma",)),
    "ADHD": Story(
        takes=(Taken("Methylphenidate", "18 mg", "mornings"),), has=("Attention-deficit hyperactivity disorder",)
    ),
    "Hypothyroidism": Story(takes=(Taken("Levothyroxine", "75 mcg", "before breakfast"),), has=("Hypothyroidism",)),
    "Migraine": Story(takes=(Taken("Sumatriptan", "50 mg", "as needed"),), has=("Migraine",)),
    "Hypertension": Story(takes=(Taken("Losartan", "50 mg", "once daily"),), has=("Hypertension",), pressure="raised"),
    "Type 2 diabetes": Story(
        takes=(Taken("Metformin", "500 mg", "twice daily"),), has=("Type 2 diabetes mellitus",), pressure="raised"
    ),
    "Sleep apnea": Story(has=("Obstructive sleep apnea", "Obesity"), pressure="raised"),
    "Osteoarthritis": Story(takes=(Taken("Acetaminophen 500 mg", "1,000 mg", "as needed"),), has=("Osteoarthritis",)),
    "GERD": Story(takes=(Taken("Omeprazole", "20 mg", "once daily"),), has=("Gastroesophageal reflux disease",)),
}


def told_by(note: object, stories: dict[str, Story]) -> Story | None:
    """The story of a note; None where there is no note or it is none of ours."""
    return next((story for words, story in stories.items() if str(note or "").startswith(words)), None)
