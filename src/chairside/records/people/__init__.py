"""The people around a patient, and what the practice and they have to do with each other."""
