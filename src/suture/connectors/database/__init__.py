"""Databases that are read: rows after a watermark (`reader.py`), known again by what they hold."""
