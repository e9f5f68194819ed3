"""Checking, converting and caching data."""
