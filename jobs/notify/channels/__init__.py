"""How one finished message leaves the house: one attempt in, one `Outcome` out.

Who is told, how often, and what is remembered of it is decided elsewhere.
"""
