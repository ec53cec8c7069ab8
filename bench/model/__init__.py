"""A small plain model of a library, played against the store at random: `python -m bench.model --help`.

`rules`, `stays`, `attendance` and `blame` are the model: written from the two manuals and from our own rules where these
are silent, with whole seconds, lists and comparisons. They import nothing of the product, so that a mistake of the
product is not made twice. `libraries` describes the same two libraries to both sides; `twin` plays one step on both and
compares; `proposals` invents steps; `driver` plays many, and shortens what differs; `faults` are mistakes on purpose.
"""
