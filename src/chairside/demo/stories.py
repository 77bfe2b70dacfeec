"""What a demo chart can be about: allergies, medications and conditions that occur together, by age."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Pressure = Literal["usual", "raised", "blocking"]


class Allergy(NamedTuple):
    name: str
    severity: str
    reaction: str


class Taken(NamedTuple):
    """A medication: a name of the starter catalog, or words as a patient says them.

    One with a `reason` has ended; a short course began within the last week.
    """

    name: str
    dosage: str | None = None
    frequency: str | None = None
    said: bool = False
    short: bool = False
    reason: str | None = None


class Notice(NamedTuple):
    """An alert; with `days` it ends by itself so many days from now."""

    name: str
    note: str | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`warns` says whether any allergy here speaks against any medication that is still taken."""

    ages: range = range(120)
    sex: str | None = None
    allergies: tuple[Allergy, ...] = ()
    takes: tuple[Taken, ...] = ()
    has: tuple[str, ...] = ()
    alerts: tuple[Notice, ...] = ()
    pressure: Pressure = "usual"
    warns: bool = False


def said(words: str, frequency: str | None = None, *, short: bool = True) -> Taken:
    return Taken(words, None, frequency, said=True, short=short)


def course(name: str, dosage: str, frequency: str) -> Taken:
    return Taken(name, dosage, frequency, short=True)


_CHILD, _TEEN, _ADULT, _OLDER = range(2, 13), range(13, 18), range(18, 120), range(50, 120)
_PENICILLIN = Allergy("Penicillin", "severe", "Hives and swollen lips as a child")
_ASPIRIN = Allergy("Aspirin", "severe", "Asthma attack within an hour")
_SULFA = Allergy("Sulfonamide antibiotics (sulfa)", "moderate", "Rash over the whole body")
_CODEINE = Allergy("Codeine", "moderate", "Vomiting and itching")
_AMOXICILLIN = Allergy("Amoxicillin", "mild", "Rash on the fifth day")
_URGENT_CARE = course("Amoxicillin 500 mg capsule", "500 mg", "three times daily")

# An allergy that speaks against what is taken.
WARNING = (
    Story(ages=_ADULT, allergies=(_PENICILLIN,), takes=(_URGENT_CARE,), warns=True),
    Story(ages=_ADULT, allergies=(_ASPIRIN,), takes=(said("Advil 200mg", "as needed"),), has=("Asthma",), warns=True),
    Story(ages=_ADULT, allergies=(_SULFA,), takes=(said("Bactrim DS from urgent care", "twice daily"),), warns=True),
    Story(ages=_ADULT, allergies=(_CODEINE,), takes=(said("Tylenol #3, left over", "at night"),), warns=True),
    Story(
        ages=_ADULT,
        allergies=(Allergy("Ibuprofen", "moderate", "Hives"),),
        takes=(Taken("Naproxen sodium 220 mg", "220 mg", "as needed"),),
        has=("Temporomandibular joint disorder",),
        warns=True,
    ),
    Story(
        ages=_ADULT,
        allergies=(Allergy("Erythromycin", "mild", "Itching rash"),),
        takes=(course("Azithromycin 250 mg", "500 mg, then 250 mg", "once daily"),),
        has=("Chronic sinusitis",),
        warns=True,
    ),
    Story(
        ages=_ADULT,
        allergies=(Allergy("Sulfites", "moderate", "Wheezing after wine and dried fruit"),),
        takes=(Taken("Lidocaine 2 % with epinephrine 1:100,000", "1 cartridge", "at the visit", short=True),),
        warns=True,
    ),
    Story(
        ages=_CHILD,
        allergies=(_AMOXICILLIN,),
        takes=(said("Augmentin from the pediatrician", "twice daily"),),
        warns=True,
    ),
    Story(
        ages=_TEEN,
        allergies=(_AMOXICILLIN,),
        takes=(course("Cephalexin 500 mg", "500 mg", "four times daily"),),
        warns=True,
    ),
)

# An allergy beside a medication that looks as if it mattered, and does not.
SILENT = (
    Story(ages=_ADULT, allergies=(Allergy("Latex", "moderate", "Itching under gloves"),), takes=(_URGENT_CARE,)),
    Story(
        ages=_ADULT,
        allergies=(_PENICILLIN,),
        takes=(course("Azithromycin 250 mg", "500 mg, then 250 mg", "once daily"),),
        alerts=(Notice("Severe allergy", "Penicillin."),),
    ),
    Story(ages=_ADULT, allergies=(Allergy("Pollen", "mild", "Sneezing in spring"),), takes=(_URGENT_CARE,)),
    Story(
        ages=_ADULT,
        allergies=(_SULFA,),
        takes=(Taken("Lidocaine 2 % with epinephrine 1:100,000", "1 cartridge", "at the visit", short=True),),
    ),
    Story(ages=_ADULT, allergies=(_ASPIRIN,), takes=(said("Tylenol Extra Strength", "as needed"),)),
    Story(
        ages=_ADULT,
        allergies=(_CODEINE,),
        takes=(
            course("Ibuprofen 600 mg", "600 mg", "every 6 hours as needed"),
            Taken("Acetaminophen and codeine 300 mg/30 mg", "1 tablet", reason="Vomited after the second tablet"),
        ),
    ),
    Story(
        ages=_ADULT,
        allergies=(Allergy("Ester anesthetics (PABA)", "mild", "Rash at the injection site"),),
        takes=(Taken("Mepivacaine 3 % plain", "1 cartridge", "at the visit", short=True),),
    ),
    Story(
        ages=_OLDER,
        allergies=(_PENICILLIN,),
        takes=(said("penicillamine 250 mg", "once daily", short=False),),
        has=("Rheumatoid arthritis",),
    ),
    Story(
        ages=_CHILD,
        allergies=(Allergy("Peanuts", "severe", "Swollen face; needed epinephrine"),),
        takes=(
            Taken("Epinephrine 0.15 mg auto-injector", "0.15 mg", "as needed"),
            course("Amoxicillin 400 mg/5 mL suspension", "5 mL", "twice daily"),
        ),
        alerts=(Notice("Severe allergy", "Peanuts. The auto-injector is in the school bag."),),
    ),
    Story(
        ages=_TEEN,
        allergies=(Allergy("Nickel", "mild", "Rash from earrings"),),
        takes=(said("Children's Motrin", "after the wire change"),),
    ),
)

# Nothing about allergies, so also for those who have none known.
CONDITIONS = (
    Story(ages=range(18)),
    Story(ages=_CHILD, takes=(Taken("Sodium fluoride 5 % varnish", frequency="every recall"),), has=("Dental caries",)),
    Story(ages=_CHILD, takes=(Taken("Albuterol inhaler", frequency="as needed"),), has=("Asthma",)),
    Story(ages=range(6, 18), takes=(Taken("Methylphenidate", "18 mg", "mornings"),),
          has=("Attention-deficit hyperactivity disorder",)),
    Story(ages=range(3, 18), has=("Autistic disorder",),
          alerts=(Notice("Dental anxiety", "Same room, same chair; dim the light first."),)),
    Story(ages=_TEEN, takes=(said("Accutane", "once daily", short=False),),
          has=("Chronic gingivitis, plaque-induced",)),
    Story(ages=range(18, 50)),
    Story(ages=range(24, 41), sex="female", takes=(said("prenatal vitamins", "once daily", short=False),),
          has=("Pregnancy",), alerts=(Notice("Pregnant", "Second trimester.", days=120),)),
    Story(ages=range(18, 60), takes=(Taken("Sertraline", "50 mg", "once daily"),), has=("Depression", "Dry mouth")),
    Story(ages=range(18, 66), takes=(said("vape, nicotine 5%", short=False),), has=("Sleep-related bruxism",)),
    Story(ages=_ADULT, takes=(
        Taken("Chlorhexidine 0.12 % rinse", "15 mL", "twice daily", short=True),
        Taken("Amoxicillin 500 mg capsule", "500 mg", "three times daily", reason="Course finished"),
    ), has=("Chronic periodontitis, generalized",)),
    Story(ages=range(40, 120), takes=(Taken("Lisinopril", "20 mg", "once daily"),), has=("Hypertension",),
          pressure="raised"),
    Story(ages=range(40, 120), takes=(Taken("Amlodipine", "10 mg", "once daily"),
                                      Taken("Hydrochlorothiazide", "25 mg", reason="Stopped taking it in spring")),
          has=("Hypertension",), alerts=(Notice("High blood pressure", "Sent to the physician the same day."),),
          pressure="blocking"),
    Story(ages=range(45, 120), takes=(Taken("Metformin", "1,000 mg", "twice daily"),
                                      Taken("Atorvastatin", "40 mg", "at bedtime"),
                                      Taken("Glipizide", "5 mg", reason="Low sugar at night")),
          has=("Type 2 diabetes mellitus", "Hyperlipidemia"), pressure="raised"),
    Story(ages=range(65, 120), takes=(Taken("Alendronate", "70 mg", "once weekly"),
                                      said("calcium + D3", "once daily", short=False)),
          has=("Osteoporosis", "Osteoarthritis"),
          alerts=(Notice("Takes a bone-modifying drug", "Alendronate for six years."),)),
    Story(ages=range(60, 120), takes=(Taken("Apixaban", "5 mg", "twice daily"), Taken("Metoprolol", "25 mg", "daily")),
          has=("Atrial fibrillation", "Long-term use of anticoagulants"),
          alerts=(Notice("Takes an anticoagulant", "Apixaban."),), pressure="raised"),
)  # fmt: skip

STORIES = WARNING + SILENT + CONDITIONS
