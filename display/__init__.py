"""Pictures: a frozen scene, its layout, its painting. Knows no package of ours and no library's rules."""
