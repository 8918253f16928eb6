"""Tables: CSV, fixed width and XLSX, bytes to rows of cells. Declared, never sniffed. Pure.

`read_delimited` and `read_fixed` stream; `read_workbook` takes the whole file. Each yields a `Row`,
with its own fault where it alone cannot be read, or a `Fault` that ends the file. What the
columns mean is declared in the estate (`model/schema.py`) and read by `translate/tabular_rows.py`.
"""

from suture.wire.tabular.delimited import Dialect, read_delimited
from suture.wire.tabular.fixed import Layout, read_fixed
from suture.wire.tabular.row import DAY, ERROR, NUMBER, TEXT, Row
from suture.wire.tabular.workbook import read_workbook

__all__ = [
    "DAY",
    "ERROR",
    "NUMBER",
    "TEXT",
    "Dialect",
    "Layout",
    "Row",
    "read_delimited",
    "read_fixed",
    "read_workbook",
]
