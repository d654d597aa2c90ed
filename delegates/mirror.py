"""Mirrors: a text turned round, with its letters swapped, or both. `trace` looks through all of them at once."""

ROT13 = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)
ATBASH = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA",
)


def mirrored(text: str) -> tuple[str, ...]:
    """A folded text as each mirror shows it: with its letters swapped in three ways, then the same turned round.

    Each mirror undoes itself.
    """
    rot13, atbash = text.translate(ROT13), text.translate(ATBASH)
    both = rot13.translate(ATBASH)
    return (rot13, atbash, both, text[::-1], rot13[::-1], atbash[::-1], both[::-1])
