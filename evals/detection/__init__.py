"""What `evals.detector` is made of: numbers, letters, ciphers and codes undone, and what several messages say together.

None of it is shared with the guard, `delegates.secrecy`: the same mistake would have to be made twice.
"""
