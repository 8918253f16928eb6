"""Reconciliation: match two sides, explain every difference. Pure.

`controls.py` matches; `store/controls.py` reads the sides, always from the writer.
"""
