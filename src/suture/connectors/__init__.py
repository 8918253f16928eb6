"""Carriers of bytes and commands: every protocol a system of the provider speaks, one folder each.

A connector frames, authenticates, sends, receives and says what came of it; it never reads business
meaning. The ports they fill are `ports.py`; `registry.py` names them, one line each. What a
destination answers is in `outcome.py`; the one HTTP client is `egress.py`; ERPs are under `erp/`.
Leases, retries and back-off belong to the engine. How to add one: docs/adr/0012.
"""
