"""How well a detector did, against a known truth: matches, latencies with the misses censored, rates, areas, calibration.

`stream` says what every detector is given and what it answers, ours and peers alike; `series` judges answers pixel by
pixel, `events` by event; the others turn judgements into figures with intervals.
"""
