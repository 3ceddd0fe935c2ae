"""What stands around the figures of real_series.py: how to read them, and why those that are bad are bad."""

from typing import Final

READING: Final = """\
Every series counts, one that is not monitored as missed. In brackets 95 % intervals, over blocks of the set, of false alarms
Poisson's with their number behind it. Found late or again within the window of an event: repeats, late. "+ nir": the line
`optical: [value]` of the config as `[value, nir]`. Borneo and colorado are judged by a rule over later images, myanmar by
expert dates; borneo from 1990 is judged from 2013 on, where its truth begins.
"""
WHY: Final = """\
Why figures are bad, from looking at the series (nothing was changed for it):

- borneo, series-fused from 2013: forty losses are provisional and never confirmed: an index alone does not tell there that
  more than a part of the cell has changed; those confirmed are all true.
- series-fused, an index alone (logging, beetle): a fall of 3 to 5 residual scales of a cell whose forest scatters by .12 or
  more reads as a change of a part.
- logging, series-index: provisional after 15 days; five scales are not reached either, so that it must last 150 days, and the
  series ends 100 days after the felling.
- colorado, the loss that all miss (CO_00_01): it falls in the autumn of 1999 only; its summers stay where they were.
- myanmar: deciduous forest. Both polarisations fall by 2 to 3 dB in every dry season, to a depth that differs by year, with 16
  looks to learn it from; the losses are -.4 dB (VV) and -1.1 dB (VH) in the median, many of them invisible to the eye.
  Series exchanged at random keep nearly half of the hits: 53 of 64 losses are dated February to May, as 10 of 18 false ones are.
- borneo from 1990: a baseline of two years serves for 27; more false alarms than from 2013, few losses missed.
- beetle and moth: a slow death is found late by series-index alone; a summer without leaves is provisional and expires.
- crop: two harvests a year are its season, and its scale is as wide. That nothing is found is no blindness of series-index:
  with the field made bare for good from 2023 (index at -.1) it confirms that in January.
"""
