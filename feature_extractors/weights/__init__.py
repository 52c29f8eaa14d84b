"""Weights from outside: known by name, fetched and checked, read without running what they may hold."""
