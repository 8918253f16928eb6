"""Bank files: NACHA (ACH entries with addenda) and BAI2 (balances and transactions). Pure.

`read_nacha` and `read_bai2` take a whole file and return its batches or accounts, each with what is
wrong with it, and what is wrong with the file: control totals, hashes and counts are verified
before anybody reads an amount. What a deposit is made of is `translate/bank_deposits.py`.
"""

from suture.wire.bank.bai2 import Bai2Account, Bai2File, Bai2Transaction, read_bai2
from suture.wire.bank.nacha import NachaBatch, NachaEntry, NachaFile, read_nacha
from suture.wire.bank.reassociation import Trace, find_trace

__all__ = [
    "Bai2Account",
    "Bai2File",
    "Bai2Transaction",
    "NachaBatch",
    "NachaEntry",
    "NachaFile",
    "Trace",
    "find_trace",
    "read_bai2",
    "read_nacha",
]
