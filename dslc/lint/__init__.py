"""Lints: what is no error, and what the field has learnt to avoid. One file is one lint."""
