# SPDX-License-Identifier: BSD-2-Clause
"""What makes a figure of samples, and what it is to be."""

import math

MISSED = "**no**"


def percentile(samples, percent):
    """The nearest-rank percentile; None of nothing."""
    if not samples:
        return None
    ranked = sorted(samples)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def of(name, percent=50):
    return lambda samples: percentile(samples.get(name), percent)


def bound(value, fraction, qemu):
    """The value itself, or the fraction of QEMU's figure if there are both."""
    return fraction * qemu if fraction and qemu is not None else value


class Goal:
    """limit: what hotram may have at most, in the row's unit; or `fraction` of
    QEMU's figure; or `least`, what it has to have; or `least_fraction` of QEMU's. A time is judged only where a
    machine is not emulated."""

    def __init__(self, text, limit=None, fraction=None, time=False, least=None, least_fraction=None):
        self.text = text
        self._limit = limit
        self._least = least
        self._fraction = fraction
        self._least_fraction = least_fraction
        self._time = time

    def judge(self, hotram, qemu, emulated):
        if self._time and emulated:
            return "not judged: emulated"
        least = bound(self._least, self._least_fraction, qemu)
        limit = bound(self._limit, self._fraction, qemu)
        if hotram is None or (least is None and limit is None):
            return "not measured"
        enough = least is None or hotram >= least
        return "yes" if enough and (limit is None or hotram <= limit) else MISSED
