"""The chart: what a hygienist and a dentist look at before they touch a patient."""
