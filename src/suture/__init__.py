"""Suture: the open integration platform that keeps a health provider's systems in agreement.

Start at `pipeline.py`: it shows the whole life of a message, bytes to balanced entries, as one
chain of pure functions. ARCHITECTURE.md draws the rooms around it; GLOSSARY.md fixes the words.
"""

__version__ = "0.1.0"
