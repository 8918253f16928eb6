"""The wire room: bytes to syntax trees and back, framing, acknowledgements (HL7 v2, MLLP, X12)."""
