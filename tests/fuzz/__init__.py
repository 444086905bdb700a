"""Parsers under random input: ``python -m tests.fuzz 600``; a little of it in every test run."""
