"""Pseudo-anomalies: normal video edited to be abnormal in known frames and places."""
