"""Tests of the watches of a search."""
