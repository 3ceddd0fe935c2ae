"""Trained classifiers of events: features, training, calibration, cards. Knows detection, never jobs."""
