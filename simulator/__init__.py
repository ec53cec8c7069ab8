"""Turnstiles that are not there: they speak through the product's own codec over real device paths."""
