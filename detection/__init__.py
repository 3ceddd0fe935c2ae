"""The science: pure, and ignorant of jobs, clocks, clusters and databases."""
