"""The benchmark of the guard runs; its times are not judged."""

import random

from benchmarks.guard import disguised, hostile, measure, ordinary


def test_every_kind_of_message_is_measured_beside_the_floor() -> None:
    dice = random.Random(1)
    kinds = {
        "ordinary": ordinary(dice, 60)[:2],
        "disguised": disguised(dice)[:2],
        "hostile": hostile(200)[:2],
    }
    lines = measure(kinds, repeat=1)
    assert lines.keys() == kinds.keys()
    assert all(line["guard / floor"] > 0 and line["characters"] > 0 for line in lines.values())


def test_ordinary_messages_name_the_terms_of_their_offers() -> None:
    said = [spoken for spoken in ordinary(random.Random(2), 300) if "EUR" in spoken.message]
    assert said
    for spoken in said:
        assert f"{spoken.terms['price']:,} EUR" in spoken.message


def test_hostile_messages_have_the_length_asked_for() -> None:
    assert {len(spoken.message) for spoken in hostile(400)} == {400}
