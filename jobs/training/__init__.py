"""A model from samples with known answers: `sachawatch train CONFIG`."""
