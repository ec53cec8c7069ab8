"""Each claim about speed is a file here that measures it: `python -m bench` runs all, `python -m bench outbox` one.

A machine shared with others makes absolute figures worthless from one minute to the next. So every claim is a ratio
against a floor that is measured in the same run, in turns, on the same disk and the same broker; tables show medians
and spread. Nothing here is imported by the product.
"""
