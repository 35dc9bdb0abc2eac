"""Shared fixtures and the one table of tolerances."""
