"""Inspect media files and report anything unusual: `patients` lists them, `examination` checks, `tables` reports."""
