"""A canary that is made twice, in the guest and on the host, from a word that shows nothing of it.

So none has to be sent: neither a command line, nor a disk, nor a console carries one into the guest's RAM.
Covered: 32 digits, of which each half is as long as a limit can be and as one SIMD register. Standard library only.
"""

import hashlib

DIGITS = 32
HALF = DIGITS // 2


def derive(word: str, label: str) -> str:
    """The canary that a word stands for.

    Args:
        word: Drawn by the host for each guest.
        label: Which of the guest's canaries.
    """
    digest = hashlib.sha256(f"{label} {word}".encode()).digest()
    digits = [str(byte % 9 + 1) for byte in digest]
    digits[HALF - 1] = "7"  # so that the limit, as a fraction, is not reduced to other digits
    return "".join(digits)
