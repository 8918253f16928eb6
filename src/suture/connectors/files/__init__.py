"""Watched folders: files in, when they are whole (`folder.py`); what is in them is nobody's."""
