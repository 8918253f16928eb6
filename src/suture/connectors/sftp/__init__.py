"""SFTP: files from a server's folder (`folder.py`), and messages out, a file each."""
