"""How many replicas to hold where, judged minute by minute: what losses and refusals teach, and what to do about it.

Values in, values out; it knows no cloud, no clock and no randomness. `wire` speaks the judge's protocol.
"""
