"""HTTP in: bodies that are posted (`door.py`), and how what became of them is told (`words.py`).

How requests are read within limits is `connectors/ingress.py`; meaning is nobody's here.
"""
