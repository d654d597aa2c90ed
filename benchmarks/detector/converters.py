"""Runs PyRIT's text converters on sentences; by the python of an environment that has PyRIT, not of ours.

Reads a JSON list of sentences from standard input and writes `{"version": ..., "rows": [{"converter", "family",
"outputs" or "error"}]}`. It imports nothing of this repository. Covered: each converter that makes text of text without
a model or X the words of a prompt as they are and only puts others around them (nine);
what changes nothing in English (three).
"""

import asyncio
import importlib.metadata
import json
import random
import sys
import warnings
from typing import Any

ENCODINGS = ("b64encode", "urlsafe_b64encode", "standard_b64encode", "b2a_base64", "b16encode", "b32encode",
             "a85encode", "b85encode")  # fmt: skip
CHOSEN: list[tuple[str, str, dict[str, Any]]] = [
    *(("base", "Base64", {"encoding_func": name}) for name in ENCODINGS),
    *(("base", "BinAscii", {"encoding_func": name}) for name in ("hex", "quoted-printable", "UUencode")),
    ("base", "Base2048", {}),
    ("base", "Ecoji", {}),
    ("base", "Binary", {}),
    ("base", "Url", {}),
    ("cipher", "Atbash", {}),
    *(("cipher", "Caesar", {"caesar_offset": offset}) for offset in (3, 10, 21)),
    ("cipher", "ROT13", {}),
    ("cipher", "Vigenere", {"key": "lemon"}),
    ("cipher", "LetterBijection", {"seed": 1}),
    ("cipher", "DigitBijection", {"seed": 1}),
    ("cipher", "MathObfuscation", {"rng": random.Random(1)}),
    ("cipher", "CodeChameleon", {"encrypt_type": "reverse"}),
    ("cipher", "CodeChameleon", {"encrypt_type": "odd_even"}),
    ("cipher", "CodeChameleon", {"encrypt_type": "length"}),
    ("cipher", "CodeChameleon", {"encrypt_type": "binary_tree"}),
    ("unseen", "AsciiSmuggler", {}),
    ("unseen", "AsciiSmuggler", {"unicode_tags": True}),
    ("unseen", "SneakyBitsSmuggler", {}),
    ("unseen", "VariationSelectorSmuggler", {}),
    ("unseen", "VariationSelectorSmuggler", {"embed_in_base": False}),
    ("unseen", "UnicodeSubstitution", {}),
    ("unseen", "ZeroWidth", {}),
    ("alike", "Diacritic", {}),
    ("alike", "Emoji", {"seed": 1}),
    ("alike", "Leetspeak", {}),
    ("alike", "Superscript", {}),
    ("alike", "UnicodeConfusable", {"deterministic": True}),
    ("alike", "UnicodeConfusable", {"source_package": "confusables", "deterministic": True}),
    ("alike", "UnicodeReplacement", {}),
    ("alike", "Zalgo", {"seed": 1}),
    ("symbols", "AsciiArt", {"font": "block"}),
    ("symbols", "Braille", {}),
    ("symbols", "Morse", {}),
    ("symbols", "Nato", {}),
    ("place", "Acrostic", {}),
    *(("place", "Bidi", {"scheme": scheme}) for scheme in ("override", "embedding", "isolate")),
    ("place", "CharacterSpace", {}),
    ("place", "CodeAttack", {}),
    ("place", "Flip", {}),
    ("place", "InsertPunctuation", {"seed": 1}),
    ("place", "StringJoin", {}),
    ("noise", "CharNoise", {}),
    ("noise", "CharSwap", {"seed": 1}),
    ("noise", "RandomCapitalLetters", {"seed": 1}),
    ("wording", "ColloquialWordswap", {"deterministic": True}),
    ("wording", "FirstLetter", {}),
    ("wording", "Puzzled", {"seed": 1}),
    ("wording", "SATAMasking", {}),
]


async def converted(sentences: list[str]) -> list[dict[str, object]]:
    """What each converter makes of the sentences, or the type of what went wrong."""
    import pyrit.converter as every  # type: ignore[import-not-found]  # only in its own environment

    rows: list[dict[str, object]] = []
    for family, name, options in CHOSEN:
        random.seed(1)
        shown = name + "".join(f" {value}" for key, value in options.items() if key not in {"seed", "rng"})
        row: dict[str, object] = {"converter": shown, "family": family}
        try:
            converter = getattr(every, f"{name}Converter")(**options)
            row["outputs"] = [(await converter.convert_async(prompt=text)).output_text for text in sentences]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a row that says so
            row["error"] = type(error).__name__
        rows.append(row)
    return rows


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {
        "version": importlib.metadata.version("pyrit"),
        "rows": asyncio.run(converted(json.load(sys.stdin))),
    }
    json.dump(found, sys.stdout)
