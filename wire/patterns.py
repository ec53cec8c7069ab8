r"""Regular expressions that cannot run away: every pattern accepted here matches a line in time linear in its length.

The rule: a repetition repeats one character or one class, is possessive (`\d++`, `[ ,]{1,4}+`) or of an exact count
(`\d{10}`), and so never goes back; groups may be optional but not repeated; no back-references, no looking around.
What is left to try is one path for each combination of `?` and `|`, and their number is capped.
Why not a check of nested repetitions alone: `\d*\d*\d*x` is not nested and still cubic.
"""

import re

Pattern = re.Pattern[str]
MAX_PATTERN_CHARS = 400
MAX_CHOICES = 10
"""At most 2 to this power paths through one line."""

_TOKEN = re.compile(
    r"""(?x)
      (?P<escape> \\ [\s\S] )
    | (?P<class> \[ \^? \]? (?: \\[\s\S] | [^\]\\] )* \] )
    | (?P<group> \( \? (?: P<\w+> | : | [aims]+ \) ) | \( (?!\?) )
    | (?P<other_group> \( \? )
    | (?P<close> \) )
    | (?P<exact> \{ \d+ \} \+? )
    | (?P<repeat> (?: [*+] | \{ \d* , \d* \} ) \+? )
    | (?P<optional> \? [?+]? )
    | (?P<either> \| )
    | (?P<plain> [\s\S] )
    """
)


def compiled(pattern: str) -> Pattern:
    """Compile `pattern`; ValueError says in a sentence what keeps it from being one or from being safe."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"the pattern has {len(pattern)} characters: at most {MAX_PATTERN_CHARS} are allowed")
    try:
        ready = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern is not a regular expression: {error}") from error
    _check(pattern)
    return ready


def _check(pattern: str) -> None:
    choices, before = 0, ""
    for token in _TOKEN.finditer(pattern):
        kind, text = str(token.lastgroup), token[0]
        if kind == "other_group":
            raise ValueError("the pattern looks around, names a condition or refers back: only (…), (?:…), (?P<name>…)")
        if kind == "escape" and (text[1].isdigit() and text != "\\0"):
            raise ValueError(f"the pattern refers back with {text}")
        if kind in ("repeat", "exact") and before == "close":
            raise ValueError(f"the pattern repeats a group with {text}: repeat single characters or classes only")
        if kind == "repeat" and not (text.endswith("+") and len(text) > 1):
            raise ValueError(f"the pattern repeats with {text}: write {text}+, which never goes back")
        choices += kind in ("optional", "either")
        before = kind
    if choices > MAX_CHOICES:
        raise ValueError(f"the pattern has {choices} of ? and |: at most {MAX_CHOICES} are allowed")
