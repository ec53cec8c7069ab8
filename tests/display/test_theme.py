"""Every pair of colours that text is set in keeps WCAG's 4.5 : 1 (3 : 1 for signs and edges)."""

import pytest

from display.theme import LIGHT, THEMES, Size, contrast

TEXT = [
    ("ink", "paper"), ("ink", "surface"), ("muted", "paper"), ("muted", "surface"), ("brand", "surface"),
    ("brand", "paper"), ("on_brand", "brand"), ("on_brand_soft", "brand"), ("on_taken", "taken"), ("on_away", "away"),
    ("danger", "surface"), ("danger", "danger_soft"), ("ok", "paper"), ("warn", "surface"), ("warn", "warn_soft"),
]  # fmt: skip
EDGES = [("taken", "surface"), ("away_edge", "surface"), ("closed_edge", "surface"), ("brand", "soft")]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("front", "back", "least"), [(*p, 4.5) for p in TEXT] + [(*p, 3.0) for p in EDGES])
def test_contrast(theme, front, back, least):
    tokens = THEMES[theme]
    assert contrast(getattr(tokens, front), getattr(tokens, back)) >= least


def test_the_reference_value():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast(LIGHT.on_brand, LIGHT.brand) == pytest.approx(7.7, abs=0.1)


def test_nothing_is_set_under_24_units():
    assert min(Size) == 24
