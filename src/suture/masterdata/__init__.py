"""Master data: what one system's code means in the words of the house. Pure.

`crosswalk.py` resolves codes by source and date. Golden records and their matching will stand
beside it. The rows come from an estate (`governance/estate.py`); the ledger asks through
`ledger/books.py`.
"""
