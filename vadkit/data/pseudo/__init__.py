"""Pseudo-anomalies: normal video made abnormal in known frames and places."""
