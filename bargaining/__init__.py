"""The theory of bargaining: issues, outcomes, utilities, mandates, moves and tactics.

Pure: exact arithmetic, no input or output, no language model, nothing secret kept beyond a call.
"""
