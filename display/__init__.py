"""Pictures: a frozen scene, its layout, its painting. Knows no package of ours and no library's rules."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # read when pygame is imported: stdout is not its to greet on
