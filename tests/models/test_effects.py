from __future__ import annotations

import random

from fairday.models.effects import Arm, difference


def arm(values):
    return Arm(len(values), sum(values), sum(v * v for v in values))


def test_no_estimate_from_a_handful():
    assert difference(arm([1.0] * 100), arm([0.0] * 9)) is None


def test_the_interval_covers_a_planted_difference_as_often_as_it_says():
    rng, covered = random.Random(5), 0
    for _ in range(400):
        treated = [float(rng.random() < 0.30) for _ in range(900)]
        held = [float(rng.random() < 0.25) for _ in range(300)]
        effect = difference(arm(treated), arm(held))
        covered += effect.low <= 0.05 <= effect.high
    assert 0.92 <= covered / 400 <= 0.98


def test_with_no_difference_it_is_seldom_sure():
    rng, alarms = random.Random(6), 0
    for _ in range(400):
        effect = difference(arm([rng.gauss(5, 2) for _ in range(200)]), arm([rng.gauss(5, 2) for _ in range(100)]))
        alarms += effect.sure
    assert alarms / 400 <= 0.08
