"""Watched folders: files in, when they are whole (`folder.py`). Their format and meaning are nobody's here."""
