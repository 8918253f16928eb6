"""The simulated world around Suture: health systems, payers, a bank, an ERP, and their faults.

What lives here speaks only what a real peer would speak (MLLP, HL7 v2, X12, HTTP), so it can judge
Suture and not flatter it: it imports nothing of the rooms that turn messages into money, nor the
store. `erp.py` is the general ledger on the other side of the wire, `faults.py` what goes wrong
there.
"""
