"""FHIR servers that are asked: resources that changed, page by page (`door.py`), with SMART."""
