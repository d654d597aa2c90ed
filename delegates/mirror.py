"""Mirrors: a text turned round, with its letters swapped, or both, and how to rule out that one shows a secret.

Covered: backwards, rot13, atbash, and two of them in a row. A secret's mirror images are made once; a message is
then looked through for all of them at once, which takes less than to read it in seven mirrors.
Not covered: finding the secret. What cannot be ruled out here is read in full.
"""

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
