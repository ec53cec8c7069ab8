"""The fault campaigns: `python -m bench.faults` runs every row of the fault matrix, `python -m bench.faults kill` one.

Each row does to the real thing what a bad night does to a library, counts what it did, and says what was lost. The short
forms of the same rows are tests (`tests/faults`). Every instrument has a control that must fail: a disk that forgets, a
writer that checks before it inserts. Nothing here is imported by the product.
"""
