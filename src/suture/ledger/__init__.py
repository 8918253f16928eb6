"""The ledger: bookings become balanced entries by rules an accountant can read. Pure.

`rules.py` reads the journal rules, `determination.py` the account determination, `period.py` the
periods; `post.py` turns a `Booking` into an `Entry` or a `Fault`; `batch.py` summarises entries
into ERP journals. No storage, no clock.
"""
