"""State → scene: one file per screen, each a pure `draw(view)`. What a screen says and where; never what happens next."""
