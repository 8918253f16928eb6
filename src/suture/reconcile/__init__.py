"""Reconciliation: match two sides, explain every difference. Pure; `store/controls.py` reads the sides, always from the writer."""
